"""Diagnostics, which find faults of a model before a long training, and the evidence that they examine."""

from dynplug.diagnosis.axes_of_data import Axes as Axes
from dynplug.diagnosis.currents import Currents as Currents
from dynplug.diagnosis.diagnostic import Diagnostic as Diagnostic
from dynplug.diagnosis.evidence import Backward as Backward, Evidence as Evidence, Need as Need
from dynplug.diagnosis.examining import diagnostics as diagnostics, examine as examine
from dynplug.diagnosis.finding import Finding as Finding
from dynplug.diagnosis.initial_scale import InitialScale as InitialScale
from dynplug.diagnosis.layer_gradients import LayerGradients as LayerGradients
from dynplug.diagnosis.leaks import Leaks as Leaks
from dynplug.diagnosis.memory_need import MemoryNeed as MemoryNeed
from dynplug.diagnosis.not_finite import NotFinite as NotFinite
from dynplug.diagnosis.one_batch import OneBatch as OneBatch
from dynplug.diagnosis.probing import PassResults as PassResults, Probe as Probe
from dynplug.diagnosis.silence import Silence as Silence
from dynplug.diagnosis.spiking_activity import (
    Activity as Activity,
    Population as Population,
    Reader as Reader,
    is_real as is_real,
    measured as measured,
    reader as reader,
)
from dynplug.diagnosis.surrogate_support import SurrogateSupport as SurrogateSupport
from dynplug.diagnosis.table_of_findings import Diagnosis as Diagnosis, listed as listed
from dynplug.diagnosis.time_constants import TimeConstants as TimeConstants
from dynplug.diagnosis.time_gradients import TimeGradients as TimeGradients

"""Plasticity: how spikes change the strength of connections, for a while or for good."""

from typing import Never

from dynplug.plasticity.changes import Factors as Factors, changed as changed
from dynplug.plasticity.learned import learned as learned
from dynplug.plasticity.no_derivative import without_derivative as without_derivative
from dynplug.plasticity.pair_stdp import PairSTDP as PairSTDP
from dynplug.plasticity.rule import Plasticity as Plasticity
from dynplug.plasticity.triplet_stdp import TripletSTDP as TripletSTDP
from dynplug.plasticity.tsodyks_markram import TsodyksMarkram as TsodyksMarkram
from dynplug.plasticity.weight_bounds import check_rule as check_rule, check_weights as check_weights
from dynplug.plugin import missing_attribute


def __getattr__(name: str) -> Never:
    raise missing_attribute(__name__, name, globals())

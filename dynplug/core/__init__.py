"""The contract of a dynamical system, and the context that it is given."""

from dynplug.core.arrays_file import (
    SUM as SUM,
    read_arrays as read_arrays,
    read_header as read_header,
    write_arrays as write_arrays,
    write_atomically as write_atomically,
)
from dynplug.core.context import Context as Context
from dynplug.core.definition import (
    Difference as Difference,
    definition as definition,
    differences as differences,
)
from dynplug.core.delay_line import DELAY_STEP as DELAY_STEP, dynplug_delay_step as dynplug_delay_step
from dynplug.core.described import described as described
from dynplug.core.devices import (
    default_platform as default_platform,
    on_device_of as on_device_of,
    on_host as on_host,
    to as to,
    whole_here as whole_here,
    with_auto_axes as with_auto_axes,
)
from dynplug.core.drive import Drive as Drive, add_inputs as add_inputs, check_fits as check_fits
from dynplug.core.events import event as event, events as events
from dynplug.core.filling import Loaded as Loaded, arrays_by_path as arrays_by_path, fill as fill
from dynplug.core.host_only import is_traced as is_traced, untraced as untraced
from dynplug.core.lifting import as_numbers as as_numbers
from dynplug.core.no_time import NoTime as NoTime
from dynplug.core.nodes import is_array as is_array, nodes as nodes, train_vars as train_vars, variables as variables
from dynplug.core.numbers import (
    as_dt as as_dt,
    as_flag as as_flag,
    as_indices as as_indices,
    as_number as as_number,
    as_t0 as as_t0,
    as_whole as as_whole,
    check_number as check_number,
    is_real as is_real,
    is_whole as is_whole,
    step_count as step_count,
)
from dynplug.core.numpy_evaluation import evaluate as evaluate
from dynplug.core.ode import (
    Neuron as Neuron,
    ODESystem as ODESystem,
    Synapse as Synapse,
    continuous as continuous,
    discrete as discrete,
)
from dynplug.core.parameter import (
    POSITIVE as POSITIVE,
    STEPWISE as STEPWISE,
    Parameter as Parameter,
    as_count as as_count,
    as_size as as_size,
    check_not_negative as check_not_negative,
    check_parameters as check_parameters,
    param as param,
    statistic as statistic,
    target_size as target_size,
)
from dynplug.core.paths import (
    Leaf as Leaf,
    check_part_name as check_part_name,
    children as children,
    leaves as leaves,
    lookup as lookup,
)
from dynplug.core.random_keys import check_key as check_key
from dynplug.core.sized import Resizable as Resizable, Sized as Sized
from dynplug.core.solving import AveragingSolver as AveragingSolver
from dynplug.core.state_dict import (
    DEFINITION as DEFINITION,
    load_state_dict as load_state_dict,
    load_states as load_states,
    save_states as save_states,
    state_dict as state_dict,
)
from dynplug.core.step_results import updated as updated
from dynplug.core.system import (
    DynamicalSystem as DynamicalSystem,
    Lift as Lift,
    Sequential as Sequential,
    as_system as as_system,
)
from dynplug.core.times import (
    as_times as as_times,
    first_steps as first_steps,
    in_double as in_double,
    in_steps as in_steps,
)
from dynplug.core.uncompiled import to_jax as to_jax, uncompiled as uncompiled
from dynplug.core.value_checks import check_values as check_values
from dynplug.core.white_noise import white as white

"""Initializers of weights, biases and trained states."""

from dynplug.initializers.random import (
    Constant as Constant,
    KaimingNormal as KaimingNormal,
    LecunNormal as LecunNormal,
    Normal as Normal,
    Orthogonal as Orthogonal,
    Uniform as Uniform,
    VarianceScaling as VarianceScaling,
    XavierNormal as XavierNormal,
)
from dynplug.initializers.resolve import (
    initialize as initialize,
    per_connection as per_connection,
    required as required,
)

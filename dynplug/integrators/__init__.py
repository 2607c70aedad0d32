"""Integrators of ODE neurons and synapses: any diffrax solver, and exponential Euler."""

from dynplug.integrators.exponential_euler import ExponentialEuler as ExponentialEuler
from dynplug.integrators.implicit import (
    ImplicitEuler as ImplicitEuler,
    Kvaerno3 as Kvaerno3,
    Kvaerno4 as Kvaerno4,
    Kvaerno5 as Kvaerno5,
)

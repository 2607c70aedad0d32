"""The GABA-A synapse."""

from diffrax import AbstractSolver

from dynplug import Parameter, param, target_size
from dynplug.integrators import ExponentialEuler
from dynplug.synapses import COBA, Output
from dynplug_conductance.transmitter import FirstOrder


class GABAA(FirstOrder):
    r"""Fast inhibition through GABA-A receptors. Puts out a `Drive`.

    $$\frac{dr}{dt} = \alpha\,w\,[T]\,(1 - r) - \beta\,r, \qquad g = g_\mathrm{max}\,r$$

    An event of weight $w$ is a pulse of transmitter of height $w\,[T]$, which begins with the step in which it arrives
    and lasts a whole number of steps, at least one; an event during a pulse replaces it. During a pulse the
    open fraction $r$ approaches $\alpha w [T] / (\alpha w [T] + \beta)$ exponentially, and after it decays with
    $\beta$. Weights are not negative.

    ```python
    from dynplug_conductance import GABAA

    event = jnp.zeros((300, 1)).at[0].set(1.0)
    _, (_, r) = dp.LoopOverTime(GABAA(1), "r", dt=0.05)(event)
    assert np.isclose(r[-1, 0] / r[99, 0], np.exp(-0.18 * 10.0), rtol=1e-3)     # 5 ms and 15 ms after the event
    ```

    **Arguments:**

    - `size`: the number of target units, or the shape of a grid of them; in a `Projection` that of its targets.
    - `g_max`: conductance with all receptors open [µS], or [mS/cm²].
    - `alpha`: opening rate [1/(ms mM)].
    - `beta`: closing rate [1/ms].
    - `T_max`: transmitter during the pulse of an event of weight 1 [mM].
    - `duration`: the duration of a pulse [ms].
    - `output`: `COBA(E)` for a conductance, `CUBA()` for a current.
    - `integrator`: a diffrax solver; exponential Euler is exact here.

    **Reference:** Destexhe, A., Mainen, Z. F. & Sejnowski, T. J. (1994), An efficient method for computing synaptic
    conductances based on a kinetic model of receptor binding, doi:10.1162/neco.1994.6.1.14; rates of their Kinetic
    models of synaptic transmission (1998), in Methods in Neuronal Modeling, 2nd edition, MIT Press.
    """

    size: tuple[int, ...] = target_size()
    g_max: Parameter = param(0.1)
    alpha: Parameter = param(5.0, positive=True)
    beta: Parameter = param(0.18, positive=True)
    T_max: Parameter = param(1.0)
    duration: Parameter = param(1.0, positive=True)
    output: Output = COBA(-80.0)
    integrator: AbstractSolver = ExponentialEuler()

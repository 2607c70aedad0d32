"""Lorenz's chaotic system as a task."""

from importlib.resources import files

import numpy as np
from jaxtyping import PRNGKeyArray
from scipy.integrate import solve_ivp

import dynplug as dp
from dynplug.core import check_number

SIGMA, BETA, RHO = 10.0, 8.0 / 3.0, 28.0  # Lorenz's own values
ON_ATTRACTOR = (17.67715816276679, 12.931379185960404, 43.91404334248268)  # where Gauthier et al. start


class Lorenz63(dp.tasks.Task):
    r"""Predict the next step of Lorenz's chaotic system.

    $$\dot x = 10\,(y - x), \qquad \dot y = x\,(28 - z) - y, \qquad \dot z = x y - 8 z / 3$$

    Data are one sample each for training and test: x (1, time, 3), the states, and y (1, time, 3), what they change by
    until the next step. Both begin with `warmup`, which is there for a trainer's `washout`; the test follows upon the
    training. Times are those of the equations, in which the greatest Lyapunov exponent is 0.91. The solver is
    SciPy's RK23 with its own tolerances, as in the reference.

    ```python
    from dynplug_reservoir import Lorenz63

    (x, y), _ = Lorenz63(dt=0.025, warmup=1.0, train_time=2.0, test_time=1.0).load(jax.random.key(0))
    assert x.shape == (1, 120, 3) and np.allclose(x[:, 1:], (x + y)[:, :-1], atol=1e-4)     # the next step
    ```

    **Arguments:**

    - `dt`: the step [-].
    - `warmup`: before what is learnt, and before what is tested [-].
    - `train_time`: the duration of the training data [-].
    - `test_time`: the duration of the test data [-].

    **Raises:** `ParameterError`; `DurationError` where these are not whole numbers of steps.

    **Reference:** Lorenz, E. N. (1963), Deterministic nonperiodic flow,
    doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2; the set-up of Gauthier, D. J. et al. (2021), Next generation
    reservoir computing, doi:10.1038/s41467-021-25801-2.
    """

    dt: float = 0.025
    warmup: float = 5.0
    train_time: float = 10.0
    test_time: float = 10.0

    def __check_init__(self) -> None:
        for name in ("dt", "warmup", "train_time", "test_time"):
            check_number(f"Lorenz63: {name}", getattr(self, name), above=0.0)

    def load(self, key: PRNGKeyArray) -> dp.tasks.TaskData:
        warmup, train, test = (
            dp.timeloop.step_count(t, self.dt) for t in (self.warmup, self.train_time, self.test_time)
        )
        states = lorenz63(warmup + train + test + 1, self.dt)
        x, y = states[:-1], np.diff(states, axis=0)
        first, second = slice(0, warmup + train), slice(train, warmup + train + test)
        return dp.tasks.TaskData((x[None, first], y[None, first]), (x[None, second], y[None, second]))

    @classmethod
    def recipe(cls) -> str:
        return (files("dynplug_reservoir") / "lorenz63.toml").read_text(encoding="utf-8")


def lorenz63(count: int, dt: float = 0.025) -> np.ndarray:
    """States (count, 3) of Lorenz's system on its attractor, `dt` apart."""

    def derivative(t: float, s: np.ndarray) -> list[float]:
        x, y, z = s
        return [SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z]

    end = (count - 1) * dt
    solution = solve_ivp(derivative, (0.0, end), ON_ATTRACTOR, t_eval=np.linspace(0.0, end, count), method="RK23")
    return solution.y.T

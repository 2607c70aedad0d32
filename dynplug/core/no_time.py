"""What stands in a context for a time or an index that the runner was told not to make."""

from typing import Any

from dynplug.errors import OptionError


class NoTime:
    """Has no value: whatever reads it raises `OptionError`.

    It may be shifted, so that an equation that does not depend on time can still be integrated.

    **Arguments:**

    - `name`: what it stands for, `t` or `i`.
    """

    def __init__(self, name: str):
        self._name = name

    def __add__(self, other: Any) -> "NoTime":
        return self

    __radd__ = __add__

    def _refuse(self, *_: Any) -> Any:
        raise OptionError(
            f"A system reads ctx.{self._name}, and the loop makes none: give t0 and i0 as numbers, t0=0.0 and i0=0."
        )

    __jax_array__ = property(_refuse)  # JAX looks whether there is one, and would then raise an error of its own
    __array__ = __index__ = __float__ = __bool__ = _refuse
    __mul__ = __rmul__ = __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _refuse
    __mod__ = __rmod__ = __pow__ = __neg__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._refuse()

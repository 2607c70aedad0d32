"""A placeholder in a context for a time or an index that does not exist."""

from typing import NoReturn

from dynplug.errors import OptionError


class NoTime:
    """A time without a value: reading it raises `OptionError`.

    It can be shifted, so that an equation that does not depend on time can still be integrated.

    **Arguments:**

    - `name`: the attribute it stands for, `t` or `i`.
    - `why`: the reason, and what to do.
    """

    def __init__(self, name: str, why: str = "the loop makes none: give t0 and i0 as numbers, t0=0.0 and i0=0."):
        self._name, self._why = name, why

    def __add__(self, other: object) -> "NoTime":
        return self

    __radd__ = __add__

    def _refuse(self, *_: object) -> NoReturn:
        raise OptionError(f"A system reads ctx.{self._name}, and {self._why}")

    __jax_array__ = property(_refuse)  # JAX looks it up, and would otherwise raise an error of its own
    __array__ = __index__ = __float__ = __bool__ = _refuse
    __mul__ = __rmul__ = __sub__ = __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _refuse
    __rsub__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __divmod__ = __neg__ = __abs__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = __iter__ = __len__ = _refuse

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._refuse()

"""Connectors from what users have at hand: index pairs, matrices, names."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeGuard

import equinox as eqx
import numpy as np
from jaxtyping import PRNGKeyArray

from dynplug.connectors.connections import Connections, Connector
from dynplug.core import as_indices, is_real
from dynplug.errors import ParameterError, ShapeError
from dynplug.plugin import build


class GivenPairs(eqx.Module):
    """The connections of a list of pairs.

    **Arguments:**

    - `pre`, `post`: the indices of the sending and of the receiving units.

    **Attributes:** `order`, the positions of the pairs in the order of `Connections`.
    """

    pre: np.ndarray = eqx.field(converter=lambda given: as_indices("pre", given))
    post: np.ndarray = eqx.field(converter=lambda given: as_indices("post", given))
    listed: ClassVar[bool] = True

    def __check_init__(self) -> None:
        if self.pre.size != self.post.size:
            raise ShapeError(f"Pairs of units: pre has {self.pre.size} indices, but post has {self.post.size}.")

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        return Connections(self.pre, self.post, pre, post)

    @property
    def order(self) -> np.ndarray:
        return np.lexsort((self.pre, self.post))

    def __repr__(self) -> str:
        return f"{self.pre.size} pairs"


class GivenMatrix(eqx.Module):
    """The connections of a matrix (post, pre): where it is not zero.

    **Arguments:**

    - `matrix`: an array, or a matrix of `scipy.sparse`.
    """

    matrix: Any = eqx.field(converter=lambda given: _summed(given))
    listed: ClassVar[bool] = True

    def __check_init__(self) -> None:
        entries = self.matrix.tocoo().data if hasattr(self.matrix, "tocoo") else np.asarray(self.matrix)
        if entries.dtype != bool and not (is_real(entries) and np.all(np.isfinite(entries))):
            raise ParameterError(
                f"A matrix of connections (post, pre) holds finite numbers, or truth values; got {entries!r:.80}."
            )

    def __call__(self, pre: int, post: int, *, key: PRNGKeyArray | None = None) -> Connections:
        if np.shape(self.matrix) != (post, pre):
            raise ShapeError(
                f"The matrix of connections has shape {np.shape(self.matrix)}; {pre} units that reach {post} need one "
                f"of shape (post, pre), {(post, pre)}."
            )
        post_index, pre_index = self.matrix.nonzero()
        return Connections(pre_index, post_index, pre, post)

    def __repr__(self) -> str:
        return f"a matrix {tuple(np.shape(self.matrix))}"


def _summed(given: Any) -> Any:
    """A matrix whose entries of one place, which SciPy may hold apart, are added up."""
    if not hasattr(given, "tocsr"):
        return given
    matrix = given.tocsr().copy()
    matrix.sum_duplicates()
    return matrix


def as_connector(given: Any) -> Connector:
    """A connector from any form that a user gives.

    ```python
    found = dp.connectors.as_connector(np.array([[0, 1, 1], [1, 0, 0]]))(3, 2)     # a matrix (post, pre)
    assert found.pre.tolist() == [1, 2, 0] and found.post.tolist() == [0, 0, 1]
    ```

    **Arguments:**

    - `given`: a connector; the name or configuration of one; a pair of index arrays `(pre, post)`; or a matrix
        (post, pre), dense or of `scipy.sparse`.

    **Raises:** `ParameterError` for anything else.
    """
    if isinstance(given, (str, Mapping)):
        return build(given, kind="connector")
    if isinstance(given, (tuple, list)) and len(given) == 2 and all(np.ndim(index) == 1 for index in given):
        return GivenPairs(*given)
    if np.ndim(given) == 2 or (hasattr(given, "tocsr") and hasattr(given, "nonzero")):
        return GivenMatrix(given if hasattr(given, "nonzero") else np.asarray(given))
    if callable(given) and not isinstance(given, type) and _takes_populations(given):
        return given
    raise ParameterError(
        "A connector is one such as dp.connectors.FixedProbability(0.1), its name, a pair of index arrays (pre, post), "
        f"a matrix (post, pre), or a function of (pre, post, *, key); got {given!r}."
    )


def _takes_populations(function: Callable[..., object]) -> TypeGuard[Connector]:
    """Whether it can be called as connectors are."""
    try:
        inspect.signature(function).bind(1, 1, key=None)
    except TypeError:
        return False
    except ValueError:  # it does not say
        return True
    return True

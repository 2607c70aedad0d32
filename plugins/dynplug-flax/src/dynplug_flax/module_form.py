"""A module of Flax as a pure function: the common interface of linen and nnx."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import flax.linen as nn
from flax import nnx
from jaxtyping import Array, PRNGKeyArray, PyTree

Module: TypeAlias = nn.Module | nnx.Module

Variables = dict[str, PyTree]
"""Arrays by collection: nested dictionaries, by the names that Flax gives them."""


class NeedsKey(Exception):
    """Random numbers are drawn, and there is no key."""


@dataclass(frozen=True)
class ModuleForm(ABC):
    """The static part of a module, without its arrays. It is hashable, so that it can be compiled in.

    **Attributes:**

    - `trained`: the collection that is trained.
    - `known`: the other collections that have a role by themselves.
    - `is_cell`: whether the module takes a carry and gives the next one.
    - `name`: the class of the module, for messages.
    """

    trained: ClassVar[str]
    known: ClassVar[dict[str, str]]
    is_cell: bool

    @property
    @abstractmethod
    def name(self) -> str:
        """The class of the module."""

    @property
    @abstractmethod
    def draws(self) -> bool:
        """Whether arrays are drawn for a layer, and not beforehand."""

    @abstractmethod
    def drawn(self, module: Module, x: PyTree, key: PRNGKeyArray | None) -> Variables:
        """Arrays by collection as the module initialises them for an input."""

    @abstractmethod
    def carry(self, variables: Variables, shape: tuple[int, ...], key: PRNGKeyArray | None) -> PyTree:
        """The carry of a cell before the first input."""

    @abstractmethod
    def call(
        self,
        variables: Variables,
        inputs: tuple[PyTree, ...],
        *,
        fit: bool,
        key: PRNGKeyArray | None,
        changing: list[str],
    ) -> tuple[PyTree, Variables]:
        """The pair of what the module returns, and of the collections `changing` after it.

        **Raises:** `NeedsKey` if random numbers are drawn and `key` is `None`.
        """

    def inputs(self, variables: Variables, x: Array, key: PRNGKeyArray | None) -> tuple[PyTree, ...]:
        """The arguments of the module's call at the first step."""
        return (self.carry(variables, x.shape, key), x) if self.is_cell else (x,)

    @abstractmethod
    def opened(self, given: PyTree) -> Variables:
        """Arrays by collection, from their containers in Flax."""

    @abstractmethod
    def closed(self, variables: Variables) -> PyTree:
        """Their containers in Flax, from arrays by collection."""

    @abstractmethod
    def module(self, variables: Variables) -> Module:
        """The module as Flax has it."""

"""Comparison of a loop with `jax.lax.scan` on a random program."""

import contextlib
import functools
import inspect
import os
import re
import signal
import warnings
from typing import NamedTuple
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import TypeCheckError

from dynplug.timeloop import custom_derivative, primitives, scan

from .programs import Program, program
from .tools import HEARD
from .transforms import results

SECONDS = int(os.environ.get("DYNPLUG_FUZZ_SECONDS", "60"))  # for one program
LATE = f"not done after {SECONDS} s"
TOLERANCES = {
    "float64": 1e-8,
    "complex128": 1e-8,
    "float32": 3e-4,
    "complex64": 3e-4,
    "float16": 2e-2,
    "bfloat16": 1e-1,
}


_references: dict[tuple[str, int, bool], object] = {}


class Verdict(NamedTuple):
    """`same`, `better` (finite where `jax.lax.scan` is NaN), `raised` (the same error), or `failed`, and why."""

    kind: str
    reason: str = ""


class OutOfTimeError(BaseException):
    """No `except Exception` keeps it."""


def judge(family: str, seed: int, loop=scan, transform: str | None = None, sure: bool = True) -> Verdict:
    """The verdict on a loop for a program; if `sure`, a failure under quick compilation must recur under full."""
    one = program(family, seed, transform)
    verdict = _judge(one, loop, True)
    again = sure and verdict.kind == "failed" and verdict.reason != LATE  # XLA errs without its optimisations
    return _judge(one, loop, False) if again else verdict


def _judge(one: Program, loop, quick: bool) -> Verdict:
    expected = reference(one, quick)
    own = functools.partial(inspect.unwrap(loop), **one.way)  # types are checked in tests alone
    try:
        with _limit(), _strict(one):
            found = _outcome(one, own, quick)
    except OutOfTimeError:
        return Verdict("failed", LATE)
    if isinstance(expected, Exception) or isinstance(found, Exception):
        same = type(found) is type(expected) or (isinstance(found, TypeCheckError) and type(expected) is TypeError)
        same &= not isinstance(expected, jax.errors.JaxRuntimeError)  # the program is at fault
        same &= one.family != "mistakes" or type(found) is not type(expected) or _text(found) == _text(expected)
        return Verdict("raised" if same else "failed", f"{_line(found)} in place of {_line(expected)}")
    try:
        better = _compare(one, found["values"], expected["values"], "values", exact=True)
        better |= _compare_derivatives(one, found["derivatives"], expected["derivatives"], quick)
    except AssertionError as error:
        return Verdict("failed", str(error))
    return Verdict("better" if better else "same")


def _compare_derivatives(one: Program, found, expected, quick: bool) -> bool:
    """Whether they are better: a second derivative may be that of the steps one by one.

    `jax.lax.scan` forgets the rule of a `custom_jvp` in its step when its gradient is differentiated once more.
    """
    try:
        return _compare(one, found, expected, "derivatives", exact=False)
    except AssertionError as error:
        second = _outcome(one, by_hand, quick) if " of " in str(one.transform) else error
        if isinstance(second, Exception):
            raise
        _compare(one, found, second["derivatives"], "derivatives, beside those of steps one by one", exact=False)
        return True


def reference(one: Program, quick: bool):
    """The results of `jax.lax.scan` for a program."""
    key = (str(one), one.seed, quick)
    if key not in _references:
        _references[key] = _outcome(one, jax.lax.scan, quick)
    return _references[key]


def _outcome(one: Program, loop, quick: bool):
    with jax.enable_x64(one.x64), jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("error")
                HEARD.clear()
                found = jax.tree.map(_Leaf, results(one, loop, quick))
                jax.effects_barrier()
                return found | {"values": (found["values"], _Leaf(np.sort(np.float32(HEARD))))}
        except Exception as error:
            return error.with_traceback(None)


def by_hand(f, init, xs=None, length=None, reverse=False, **_):
    """The same without a loop."""
    n = jax.tree.leaves(xs)[0].shape[0] if length is None else length
    carry, outs = jax.tree.map(jnp.asarray, init), {}
    for i in reversed(range(n)) if reverse else range(n):
        carry, outs[i] = f(carry, jax.tree.map(lambda v, i=i: v[i], xs))
    return carry, jax.tree.map(lambda *v: jnp.stack(v), *(outs[i] for i in range(n)))


class _Leaf:
    """A leaf of the results."""

    def __init__(self, v):
        # Outside of `jit`, `jax.lax.scan` hands on a Python number that no step changes as it is, `scan` as an array.
        v = jnp.asarray(v) if isinstance(v, bool | int | float | complex) else v
        key = hasattr(v, "dtype") and jax.dtypes.issubdtype(v.dtype, jax.dtypes.prng_key)
        self.shape, self.dtype = np.shape(v), str(getattr(v, "dtype", type(v)))
        self.weak = bool(getattr(v, "weak_type", False))
        self.value = np.asarray(jax.random.key_data(v) if key else v)


def _compare(one: Program, found, expected, what: str, exact: bool) -> bool:
    """Whether it is better; raises `AssertionError` where it is not the same."""
    a, b = jax.tree.structure(found), jax.tree.structure(expected)
    assert a == b, f"{what}: tree {a} in place of {b}"
    better = False
    for (path, leaf), other in zip(jax.tree_util.tree_leaves_with_path(found), jax.tree.leaves(expected), strict=True):
        name = what + jax.tree_util.keystr(path)
        assert leaf.shape == other.shape, f"{name}: shape {leaf.shape} in place of {other.shape}"
        assert leaf.dtype == other.dtype, f"{name}: dtype {leaf.dtype} in place of {other.dtype}"
        assert leaf.weak == other.weak or not exact, f"{name}: weak type {leaf.weak} in place of {other.weak}"
        better |= _compare_values(one, leaf, other, name, exact)
    return better


def _compare_values(one: Program, leaf: _Leaf, other: _Leaf, name: str, exact: bool) -> bool:
    if not jnp.issubdtype(leaf.value.dtype, jnp.inexact):
        assert np.array_equal(leaf.value, other.value), f"{name}: other values, {leaf.dtype}"
        return False
    tolerance = max(TOLERANCES[leaf.dtype], _tolerance(one, exact))
    wide = complex if np.iscomplexobj(leaf.value) else float
    a, b = leaf.value.astype(wide), other.value.astype(wide)
    assert not (np.isnan(a) & ~np.isnan(b)).any(), f"{name}: NaN where there is a number"
    better = bool((np.isnan(b) & ~np.isnan(a)).any())
    assert not (better and exact), f"{name}: a number where there is NaN"
    if exact and one.family == "specials":
        zeros = (a == 0) & (b == 0)
        assert (np.signbit(a.real) == np.signbit(b.real))[zeros].all(), f"{name}: a zero of the other sign"
    known = ~np.isnan(b)
    infinite = np.isinf(a) | np.isinf(b)
    assert (a == b)[infinite & known].all(), f"{name}: infinite at other places"
    finite = known & ~infinite
    a, b = a[finite], b[finite]
    scale = 1 + np.abs(b).max(initial=0.0)
    error = np.abs(a - b).max(initial=0.0) / scale
    assert error <= tolerance, f"{name}: off by {error:.1e}, {leaf.dtype}"
    return better


def _tolerance(one: Program, exact: bool) -> float:
    """Of the least precise dtype that may have entered; what is half precise is only put out."""
    text = one.source.replace("halves(", "float32")
    return max((t for d, t in TOLERANCES.items() if d in text and not (exact and "float16" in d)), default=0.0)


def _text(error: Exception) -> str:
    """The message without addresses of objects."""
    return re.sub(r"0x[0-9a-f]+", "0x", str(error))


def _line(outcome) -> str:
    if not isinstance(outcome, Exception):
        return "a result"
    return f"{type(outcome).__name__}: {next(iter(str(outcome).splitlines()), '')[:120]}"


@contextlib.contextmanager
def _limit():
    def stop(*_):
        raise OutOfTimeError

    before, left = signal.signal(signal.SIGALRM, stop), signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.alarm(left)


@contextlib.contextmanager
def _strict(one: Program):
    """Make a loop that cannot be compiled an error, and treat products of small arrays as large ones if asked."""
    with contextlib.ExitStack() as stack:
        if hasattr(custom_derivative, "fall_back"):
            stack.enter_context(patch.object(custom_derivative, "fall_back", False))
        if one.heavy and hasattr(primitives, "_HEAVY_PRODUCT"):
            stack.enter_context(patch.object(primitives, "_HEAVY_PRODUCT", 1))
        yield

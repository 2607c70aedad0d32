"""The checks of annotations that all tests run under find what those of jaxtyping and beartype find."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from beartype import beartype
from checked_annotations import checked, unchecked
from jaxtyping import Float, TypeCheckError, jaxtyped

theirs = jaxtyped(typechecker=beartype)
A, B = np.zeros(3), np.zeros(4)


def product(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"], *more: int, scale: float = 1.0) -> float:
    return float(scale * a @ b)


def twice(a: Float[np.ndarray, " n"], right: bool) -> Float[np.ndarray, " n"]:
    return 2 * a if right else np.concatenate([a, a])


@contextmanager
def opened(name: str) -> Iterator[str]:
    yield name


@dataclasses.dataclass
class Pair:
    first: Float[np.ndarray, " n"]
    second: Float[np.ndarray, " n"]
    next: "Pair | None" = None


CALLS = [
    (product, (A, A), {}, True),
    (product, (A, A, 1, 2), {"scale": 2.0}, True),
    (product, (A, B), {}, False),
    (product, (A[None], A[None]), {}, False),
    (product, (A, A, "1"), {}, False),
    (product, (A, A), {"scale": "2"}, False),
    (product, (A.astype(int), A.astype(int)), {}, False),
    (twice, (A, True), {}, True),
    (twice, (A, False), {}, False),
    (twice, (A, 1), {}, False),
    (opened.__wrapped__, ("a",), {}, True),
    (opened.__wrapped__, (1,), {}, False),
    (Pair, (A, A), {}, True),
    (Pair, (A, B), {}, False),
    (Pair, (A, A), {"next": Pair(A, A)}, True),
]


def fresh(target):
    """A function as it is, or a class of its own, as to check a dataclass changes it."""
    return (
        dataclasses.make_dataclass(
            "Pair", [(f.name, f.type, f) for f in dataclasses.fields(target)], namespace={"__module__": __name__}
        )
        if target is Pair
        else target
    )


@pytest.mark.parametrize("check", [checked, theirs])
@pytest.mark.parametrize(("target", "args", "options", "right"), CALLS)
def test_what_is_wrong_is_refused(check, target, args, options, right):
    call = check(fresh(target))
    if right:
        call(*args, **options)
    else:
        with pytest.raises(TypeCheckError):
            call(*args, **options)


def test_axes_are_those_of_one_call():
    call = checked(product)
    assert call(A, A) == call(B, B) == 0.0

    @checked
    def outer(a: Float[np.ndarray, " n"]) -> float:
        return call(B, B)

    assert outer(A) == 0.0


def test_functions_of_one_definition_are_checked_each_by_its_annotations():
    def make(hint):
        @checked
        def call(a: hint) -> hint:
            return a

        return call

    number, text = make(int), make(str)
    assert (number(1), text("a")) == (1, "a")
    for call, wrong in [(number, "a"), (text, 1)]:
        with pytest.raises(TypeCheckError, match=r"parameters of .*call"):
            call(wrong)


def test_a_class_that_is_named_before_it_is_there_is_checked_too():
    call = checked(fresh(Pair))
    with pytest.raises(TypeCheckError):
        call(A, A, "no pair")


def test_a_missing_argument_is_a_type_error_as_without_checks():
    with pytest.raises(TypeError, match=r"product\(\) missing 1 required positional argument: 'b'"):
        checked(product)(A)


def test_dynplug_is_checked():
    import dynplug as dp

    with pytest.raises(TypeCheckError):
        dp.Drive("no array")


def test_checks_can_be_left_out_for_a_while():
    one = checked(as_it_is)
    with unchecked():
        assert one("x") == "x"
    with pytest.raises(TypeCheckError):
        one("x")


def as_it_is(number: int) -> object:
    return number


def test_what_may_be_left_out_is_of_each_function():
    def made(*default):
        def function(number: float) -> float:
            return number

        function.__defaults__ = default or None
        return checked(function)

    assert made()(1.0) == 1.0
    assert made(2.0)() == 2.0
    with pytest.raises(TypeError, match="missing"):
        made()()

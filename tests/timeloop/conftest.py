"""Fixtures for all tests of the time loop."""

import functools
import signal

import pytest

from dynplug.timeloop import custom_derivative, scan, target_device


@pytest.fixture(autouse=True)
def no_fall_back(monkeypatch):
    """Make a loop that cannot be compiled an error: run as `jax.lax.scan`, it would be right and hide the fault."""
    monkeypatch.setattr(custom_derivative, "fall_back", False)


@pytest.fixture(autouse=True)
def it_ends():
    """A loop that is traced for ever fails its test instead of all tests."""

    def late(*_):
        raise TimeoutError("not done after ten minutes")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(600)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def kernels(monkeypatch):
    """Plan for a GPU whose kernels this compiler compiles."""

    def use(compiler):
        monkeypatch.setenv(target_device.VARIABLE, compiler)

    use("interpreted")
    return use


@pytest.fixture(params=[{}, {"loop": "step"}, {"remat": 2}], ids=str)
def loop(request):
    """`scan`, in one of the ways in which it runs."""
    return functools.partial(scan, **request.param)


REFERENCES = {}


@pytest.fixture
def by_lax(request):
    """The result of a function without arguments that runs `jax.lax.scan`: once for all ways in which `scan` runs."""
    others = {name: value for name, value in request.node.callspec.params.items() if name != "loop"}
    key = request.node.originalname, *others.items()

    def result(make):
        if key not in REFERENCES:
            REFERENCES[key] = make()
        return REFERENCES[key]

    return result

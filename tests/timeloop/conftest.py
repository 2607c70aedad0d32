"""Fixtures for all tests of the time loop."""

import signal

import pytest

from dynplug.timeloop import custom_derivative, target_device


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

"""Settings of all tests: shapes are checked, dtypes and ranks are never promoted in silence."""

import atexit
import gc
import importlib.metadata
import itertools
import os
import sys
import tempfile
from pathlib import Path

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # what one test or process compiles serves all of this session
    compiled = tempfile.TemporaryDirectory(prefix="dynplug-tests-")
    atexit.register(compiled.cleanup)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = compiled.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

if "XLA_FLAGS" not in os.environ:  # four fifths of the time would go into optimising what runs once
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    # nor is a small program the quicker for being compiled in 32 parts
    os.environ["XLA_FLAGS"] = "--xla_cpu_parallel_codegen_split_count=1"
    if importlib.metadata.version("jaxlib").startswith("0.10."):  # later ones have no such flag, and refuse it
        os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"

import jax
import jax.random as jr
import jaxtyping
import pytest
from checked_annotations import checked

jaxtyping.jaxtyped = checked  # which the hook puts before each function
with jaxtyping.install_import_hook("dynplug", "beartype.beartype"):
    import dynplug.builtins
    import dynplug.connectors
    import dynplug.core
    import dynplug.delivery
    import dynplug.encoders
    import dynplug.initializers
    import dynplug.inputs
    import dynplug.integrators
    import dynplug.interchange
    import dynplug.layers
    import dynplug.losses
    import dynplug.measures
    import dynplug.neurons
    import dynplug.run
    import dynplug.sources
    import dynplug.surrogates
    import dynplug.synapses
    import dynplug.tasks
    import dynplug.testing
    import dynplug.timeloop
    import dynplug.train

pytest_plugins = [
    "dynplug.testing.claims",
    "blank_pictures",
]  # loaded after this file, hence after the hook and XLA's flags

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
gc.set_threshold(50_000, 20, 20)  # what JAX and pytest keep is much, and was looked through again and again


def pytest_collection_finish():
    """Modules and tests stay until the end: they are no garbage to look for."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Mark what can be told of tests without looking at them."""
    for item in items:
        case = getattr(item, "callspec", None) and item.callspec.params.get("check")
        if hasattr(case, "subjects"):
            item.add_marker(pytest.mark.conformance)
        if hasattr(item.module, "subprocess"):
            item.add_marker(pytest.mark.process)
    items.sort(key=lambda item: item.get_closest_marker("process") is None)  # the longest first: no worker ends on one


_TESTS = itertools.count(1)


@pytest.fixture(autouse=True)
def forget_what_was_compiled():
    """Every program that XLA compiles maps memory; a process with thousands of them reaches Linux's limit and dies."""
    yield
    maps = Path("/proc/self/maps")
    if next(_TESTS) % 16 == 0 and maps.exists() and maps.read_bytes().count(b"\n") > 20_000:  # the limit is 65,530
        jax.clear_caches()


def _settings():
    """All settings of JAX, those that its processes inherit included."""
    return dict(jax.config.values) | {k: v for k, v in os.environ.items() if k.startswith(("JAX_", "XLA_"))}


@pytest.fixture(autouse=True)
def settings_stay():
    """No test leaves other settings to those that come after it: which those are differs from run to run."""
    before = _settings()
    yield
    assert _settings() == before


@pytest.fixture
def getkey():
    """A function that gives another random key at each call."""
    keys = iter(jr.split(jr.key(2026), 1000))
    return lambda: next(keys)


@pytest.fixture
def x64():
    """Double precision."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def optimised():
    """Programs are optimised, as is worth while if they run for seconds."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
    jax.clear_caches()  # other tests compare bits with those of other processes


@pytest.fixture
def two_devices():
    """The environment of a process that has two devices, and compiles as this one does."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    return {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path in which distributions can be installed; forgotten after the test."""
    before = set(sys.modules)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def fresh_registry(site):
    """The registry of the process is made anew for this test, on first use."""
    dynplug.plugin.registry.cache_clear()
    yield
    dynplug.plugin.registry.cache_clear()

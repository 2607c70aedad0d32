"""Commands that compile keep programs where the user's caches are, unless they are told otherwise."""

import jax
import pytest
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from dynplug.sweep.processes import _worker

pytestmark = pytest.mark.usefixtures("blank_pictures")


@pytest.fixture
def folder_after(dynplug, home, counter, tmp_path, monkeypatch):
    """The folder that JAX is told by a command."""
    before = jax.config.jax_compilation_cache_dir
    least = jax.config.jax_persistent_cache_min_compile_time_secs
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr("sys.platform", "linux")

    def call(*arguments, code=0, told=None):
        jax.config.update("jax_compilation_cache_dir", told)
        assert dynplug(*arguments).code == code
        return jax.config.jax_compilation_cache_dir

    yield call
    jax.config.update("jax_compilation_cache_dir", before)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", least)
    reset_cache()


@pytest.fixture
def train(home, tmp_path):
    """A training with a runner that compiles nothing."""
    return "train", home / "tiny.toml", "--set", "runner.type=counter", "--out", tmp_path / "run"


def test_by_default(folder_after, train, tmp_path):
    assert folder_after(*train) == str(tmp_path / "caches" / "dynplug" / "compiled")


def test_not_with_the_option(folder_after, train):
    assert folder_after(*train, "--no-cache") is None


def test_not_where_the_variable_says_off(folder_after, train, monkeypatch):
    monkeypatch.setenv("DYNPLUG_COMPILATION_CACHE", "off")
    assert folder_after(*train) is None


def test_never_in_place_of_what_jax_was_told(folder_after, train, tmp_path):
    assert folder_after(*train, told=str(tmp_path / "jax")) == str(tmp_path / "jax")


@pytest.mark.parametrize("option", [(), ("--no-cache",)])
@pytest.mark.parametrize(
    "arguments", [("sweep", "tiny.toml"), ("predict", "none", "none.npy"), ("diagnose", "tiny.toml", "--check", "none")]
)
def test_so_do_all_commands_that_compile(folder_after, home, monkeypatch, tmp_path, arguments, option):
    """Each fails before it compiles: there is no [sweep], no run and no such check."""
    monkeypatch.chdir(home)
    folder = folder_after(*arguments, *option, code=1)
    assert folder == (None if option else str(tmp_path / "caches" / "dynplug" / "compiled"))


def test_the_processes_of_a_sweep_keep_them_where_it_does(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "another")
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    try:
        with _worker() as process:
            found = process.submit(eval, "__import__('jax').config.jax_compilation_cache_dir").result()
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
        reset_cache()
    assert found == str(tmp_path)

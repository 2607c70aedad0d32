"""`dynplug train` keeps compiled programs where the user's caches are, unless it is told otherwise."""

import jax
import pytest
from jax.experimental.compilation_cache.compilation_cache import reset_cache


@pytest.fixture
def folder_after(dynplug, home, counter, tmp_path, monkeypatch):
    """The folder that JAX is told by the command, which trains with a runner that compiles nothing."""
    before = jax.config.jax_compilation_cache_dir
    least = jax.config.jax_persistent_cache_min_compile_time_secs
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr("sys.platform", "linux")

    def call(*arguments, told=None):
        jax.config.update("jax_compilation_cache_dir", told)
        override = ("--set", "runner.type=counter", "--out", tmp_path / "run")
        assert dynplug("train", home / "tiny.toml", *override, *arguments).code == 0
        return jax.config.jax_compilation_cache_dir

    yield call
    jax.config.update("jax_compilation_cache_dir", before)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", least)
    reset_cache()


def test_by_default(folder_after, tmp_path):
    assert folder_after() == str(tmp_path / "caches" / "dynplug" / "compiled")


def test_not_with_the_option(folder_after):
    assert folder_after("--no-cache") is None


def test_not_where_the_variable_says_off(folder_after, monkeypatch):
    monkeypatch.setenv("DYNPLUG_COMPILATION_CACHE", "off")
    assert folder_after() is None


def test_never_in_place_of_what_jax_was_told(folder_after, tmp_path):
    assert folder_after(told=str(tmp_path / "jax")) == str(tmp_path / "jax")

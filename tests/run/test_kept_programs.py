"""The folder for compiled programs: which it is, what is never overridden, and that programs are taken from it."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax.experimental.compilation_cache.compilation_cache import reset_cache

import dynplug as dp
from dynplug.errors import OptionError
from dynplug.run.kept_programs import _drop_unused, user_folder

OPTIONS = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """JAX without a folder, and a user whose caches are in one of their own."""
    before = {name: getattr(jax.config, name) for name in OPTIONS}
    jax.config.update("jax_compilation_cache_dir", None)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)
    monkeypatch.delenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", raising=False)
    monkeypatch.delenv("DYNPLUG_COMPILATION_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr("sys.platform", "linux")
    reset_cache()
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    reset_cache()


def told():
    return jax.config.jax_compilation_cache_dir


def test_a_program_is_compiled_once(tmp_path):
    events = []
    jax.monitoring.register_event_listener(lambda event, **_: events.append(event.rpartition("/")[2]))
    folder = dp.compilation_cache(tmp_path / "compiled")
    assert folder == told() == str(tmp_path / "compiled")

    def compiled():
        events.clear()
        jax.clear_caches()  # as in a new process
        jax.jit(lambda x: jnp.sin(x) * 41.0 + 1.0)(jnp.ones(3)).block_until_ready()
        return "cache_hits" in events, "cache_misses" in events

    assert compiled() == (False, True)
    assert any((tmp_path / "compiled").iterdir())  # though it took less than JAX's second
    assert compiled() == (True, False)


def test_without_a_name_it_is_the_users(tmp_path):
    assert dp.compilation_cache() == told() == str(tmp_path / "caches" / "dynplug" / "compiled")
    assert os.stat(told()).st_mode & 0o077 == 0


def test_what_jax_was_told_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNPLUG_COMPILATION_CACHE", str(tmp_path / "mine"))
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "jax"))
    assert dp.compilation_cache() == told() == str(tmp_path / "jax")
    assert jax.config.jax_persistent_cache_min_compile_time_secs == 1.0


def test_the_least_time_that_the_environment_names_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "1.0")
    dp.compilation_cache(tmp_path)
    assert jax.config.jax_persistent_cache_min_compile_time_secs == 1.0


@pytest.mark.parametrize(("value", "name"), [("off", None), ("mine", "mine")])
def test_a_variable_names_it(tmp_path, monkeypatch, value, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DYNPLUG_COMPILATION_CACHE", value)
    assert dp.compilation_cache() == told() == (name and str(tmp_path / name))


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_a_folder_that_cannot_be_made_is_an_error(tmp_path, monkeypatch, how):
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("DYNPLUG_COMPILATION_CACHE", str(file / "folder"))
    with pytest.raises(OptionError, match="cannot be made"):
        dp.compilation_cache(*([file / "folder"] if how == "argument" else []))
    assert told() is None


def test_a_user_without_a_folder_goes_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert dp.compilation_cache() is told() is None


def test_the_folder_is_where_the_platform_has_it():
    home = Path.home()
    assert user_folder({"XDG_CACHE_HOME": "/x"}, "linux") == Path("/x/dynplug/compiled")
    assert user_folder({"XDG_CACHE_HOME": "x"}, "linux") == home / ".cache/dynplug/compiled"  # which XDG has ignored
    assert user_folder({"XDG_CACHE_HOME": "/x"}, "darwin") == home / "Library/Caches/dynplug/compiled"
    assert user_folder({"LOCALAPPDATA": "/l"}, "win32") == Path("/l/dynplug/compiled")
    assert user_folder({}, "win32") == home / "AppData/Local/dynplug/compiled"


def test_what_was_not_used_for_longest_is_dropped(tmp_path):
    for age, name in enumerate("cab"):
        (tmp_path / name).write_bytes(b"0" * 10)
        os.utime(tmp_path / name, (1000.0 - age, 0.0))
    _drop_unused(tmp_path, 25)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "c"}
    _drop_unused(tmp_path, 20)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "c"}

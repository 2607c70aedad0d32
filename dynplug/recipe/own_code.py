"""Components in a file of the user's own, without a package."""

import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from dynplug.errors import ConfigError
from dynplug.plugin import in_words


def import_files(paths: Iterable[str | Path]) -> None:
    """Import Python files that register components by `dp.register`, each once in a process.

    A file may import those beside it, as where Python runs it.

    **Raises:** `ConfigError` where there is no such file, or with its line where it fails.
    """
    for path in paths:
        _import(Path(path).resolve())


def _import(path: Path) -> None:
    if path.suffix != ".py" or not path.is_file():
        raise ConfigError(f"--import {path}: there is no such file of Python.")
    known = sys.modules.get(path.stem)
    if known is not None:
        if (file := getattr(known, "__file__", None)) and Path(file).resolve() == path:
            return
        raise ConfigError(f"--import {path}: there is another module called {path.stem!r}: give the file another name.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[path.stem]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        raise ConfigError(f"--import {path}{f', line {line}' if line else ''}: {in_words(error)}") from error

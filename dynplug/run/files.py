"""Records of a run in files that are complete at any moment."""

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import BinaryIO

import jax
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, PyTree

from dynplug.core import leaves
from dynplug.errors import DataError, OptionError
from dynplug.run.monitors import TIMES
from dynplug.run.records import Recorder

OUTPUT = "output"


def check_names(names: Iterable[str], *taken: str) -> None:
    """Raise `OptionError` for records whose names are not valid file names, or are taken."""
    for name in names:
        if name in ("", ".", "..", *taken) or Path(name).name != name or "\\" in name:
            raise OptionError(
                f"record_to writes a file for each record, but {name!r} is not a valid file name: rename it."
            )


class InFiles(Recorder):
    """Appends rows to one `.npy` file for each array, and their times to another.

    The header of a file is updated after each chunk, so that it is complete even after a kill, and a continued run
    appends to it. Rows from the run's first time onwards are replaced.

    **Arguments:**

    - `folder`: the folder of the files.
    - `goes_on`: whether the run continues another; if not, an existing file is an error.
    """

    def __init__(self, folder: Path, goes_on: bool):
        self._folder = folder
        self._files: list[GrowingArray] = []
        self._tree: Hashable = None
        self._none: PyTree = None
        there = sorted(folder.glob("*.npy"))
        if there and not goes_on:
            raise DataError(
                f"{there[0]} exists, and a new run would overwrite it: move it away, or give another "
                "folder as record_to."
            )

    def append(self, row: int, rows: PyTree, times: np.ndarray) -> None:
        out, seen = rows
        named = {OUTPUT: out, **seen}
        self._none = jax.tree.map(lambda a: np.zeros((0, *a.shape[1:]), a.dtype), rows)
        if not len(times):
            return
        arrays = [*jax.tree.leaves(named), times]  # the times last, so that everything else has at least as many rows
        if not self._files:
            self._open([leaf.path for leaf in leaves(named)], arrays)
            self._tree = jax.tree.structure(named)
        for file, part in zip(self._files, arrays, strict=True):
            file.write(row, np.asarray(part))

    def finish(self, count: int) -> PyTree:
        if not self._files:
            return self._none
        named = jax.tree.unflatten(self._tree, [file.read(count) for file in self._files[:-1]])
        return named.pop(OUTPUT), named

    def _open(self, names: list[str], arrays: list[Array | np.ndarray]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        clock = self._folder / f"{TIMES}.npy"
        before = int(np.searchsorted(np.load(clock), arrays[-1][0])) if clock.exists() else 0
        for name, a in zip([*names, TIMES], arrays, strict=True):
            self._files.append(GrowingArray(self._folder / f"{name}.npy", a.shape[1:], a.dtype, before))


class GrowingArray:
    """A `.npy` file to which rows are appended. NumPy leaves room in the header for a growing number of rows."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: DTypeLike, before: int):
        self.path, self._shape, self._dtype, self._before = path, shape, np.dtype(dtype), before
        if path.exists():
            self._check()
        else:
            with path.open("xb") as file:
                self._head(file, 0)

    def write(self, row: int, rows: np.ndarray) -> None:
        first = self._before + row
        with self.path.open("r+b") as file:
            start = self._head(file, first)
            file.seek(start + first * self._row_bytes)
            file.write(np.ascontiguousarray(rows).data.cast("B") if rows.size else b"")
            file.flush()
            self._head(file, first + len(rows))

    def read(self, count: int) -> np.ndarray:
        """The first `count` rows of the last run, memory-mapped."""
        if count == 0 or self._row_bytes == 0:
            return np.zeros((count, *self._shape), self._dtype)
        return np.load(self.path, mmap_mode="r")[self._before : self._before + count]

    @property
    def _row_bytes(self) -> int:
        return int(np.prod(self._shape, dtype=int)) * self._dtype.itemsize

    def _head(self, file: BinaryIO, count: int) -> int:
        """Write the header for `count` rows, and return the offset of the first."""
        file.seek(0)
        described = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (count, *self._shape),
        }
        np.lib.format.write_array_header_1_0(file, described)
        return file.tell()

    def _check(self) -> None:
        with self.path.open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        if shape[1:] != self._shape or dtype != self._dtype or shape[0] < self._before:
            raise DataError(
                f"{self.path} holds {shape[0]} rows of {dtype}{list(shape[1:])}; this run has rows of "
                f"{self._dtype}{list(self._shape)} and continues from row {self._before}: give "
                "another folder as record_to."
            )

"""The compiled module: C++17, with OpenMP where the compiler has it."""

import sys
from pathlib import Path

import jaxlib
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError, PlatformError

WINDOWS = sys.platform == "win32"
OPTIONS = ["/O2", "/std:c++17"] if WINDOWS else ["-O3", "-std=c++17", "-ffp-contract=off", "-fvisibility=hidden"]
OPENMP = "/openmp" if WINDOWS else "-fopenmp"
FAILED = """
dynplug-kernels could not be compiled: {error}

It needs a C++17 compiler, which it looks for in the variable CXX and then as c++ or g++: install one, for example by
`apt install g++`, or name it, CXX=clang++ pip install ... dynplug works without this package, with its own ways to
deliver spikes.
"""


class Build(build_ext):
    """First with OpenMP, then without, then with the reason of the failure as the last thing that is said."""

    def build_extension(self, ext: Extension) -> None:
        try:
            self._build(ext, OPENMP)
        except (CompileError, LinkError, PlatformError):
            try:
                self._build(ext)
            except (CompileError, LinkError, PlatformError) as error:
                raise SystemExit(FAILED.format(error=error)) from None

    def _build(self, ext: Extension, *more: str) -> None:
        ext.extra_compile_args = [*OPTIONS, *more]
        ext.extra_link_args = [] if WINDOWS else [*more]
        super().build_extension(ext)


setup(
    ext_modules=[
        Extension(
            "dynplug_kernels._rows",
            ["src/dynplug_kernels/rows.cpp"],
            include_dirs=[str(Path(jaxlib.__file__).parent / "include")],  # that of jax.ffi.include_dir()
            language="c++",
        )
    ],
    cmdclass={"build_ext": Build},
)

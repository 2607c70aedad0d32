"""The package is found by its entry point."""

import subprocess
import sys

from dynplug_kernels import Compiled

import dynplug as dp


def test_it_registers_its_delivery():
    assert dp.get("delivery", "kernels:compiled") is dp.get("delivery", "compiled") is Compiled


def test_listing_it_imports_no_jax():
    code = "import dynplug.plugin as p, sys; print(p.list_components('delivery'), 'jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'compiled'" in done.stdout
    assert done.stdout.strip().endswith("False")

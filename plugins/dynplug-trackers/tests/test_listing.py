"""Listing the observers imports neither JAX nor what they send to."""

import subprocess
import sys


def test_hooks_and_listings_import_nothing_dear():
    code = (
        "import sys, dynplug, dynplug_trackers.hooks\n"
        "assert {'TensorBoard', 'MLflow', 'WandB'} <= set(dynplug.list_components('observer'))\n"
        "print([m for m in ('jax', 'tensorboardX', 'mlflow', 'wandb', 'dynplug_trackers.tracker') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Programs for a GPU that is not there, as text."""

import re

import jax

COMPILER = "mosaic" if jax.__version_info__ >= (0, 11) else "triton"


def lowered(f, *args):
    """The program that a function is for an NVIDIA GPU."""
    return jax.jit(f).trace(*args).lower(lowering_platforms=("cuda",)).as_text()


def kernel_count(text):
    return len(re.findall(r"custom_call @(?:mosaic_gpu_v2|__gpu\$xla\.gpu\.triton)", text))

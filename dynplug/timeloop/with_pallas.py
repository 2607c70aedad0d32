"""Kernels by Pallas: the same function of references to arrays, for Mosaic, for Triton and for the interpreter.

Every instance of a kernel computes one tile of units. Where tiles do not divide the units, the last one overlaps the
one before it, and writes there what that one writes too.

**Invariant:** a kernel reads and writes only the units of its tile.

**Limits:** Mosaic from JAX 0.11 on: before, it cannot lay out a loop with two steps; it computes with no whole numbers
of 8 bits. Triton before, and on GPUs that Mosaic does not know; it is deprecated since JAX 0.11, and computes neither
with bfloat16 nor with float16.

**Reference:** Pallas, https://docs.jax.dev/en/latest/pallas/index.html.
"""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array

Index = Array | int  # of a row, or of a tile
Load = Callable[[jax.Ref, Index | None], Array]
Store = Callable[[jax.Ref, Array, Index | None], None]
Kernel = Callable[[Load, Store, Sequence[jax.Ref]], None]

_WARPS = 4  # of 32 threads for a tile of 128 units: measured on an H100, examples/benchmarks/gpu.py


def call(
    kernel: Kernel, ins: Sequence[Array], outs: Sequence[jax.ShapeDtypeStruct], units: int, tile: int, compiler: str
) -> list[Array]:
    """Run `kernel(load, store, refs)` for each tile, where `refs` are references to all inputs and then all outputs.

    The last axis of each array are units, or the `tile` copies of what is the same for all of them. `load(ref, t)` is
    the tile's part of a row, or where `t` is `None` of an array without rows, and `store(ref, value, t)` writes it.
    """
    from jax.experimental import pallas as pl

    tiles = -(-units // tile)

    def of_tile(index: Array, refs: Sequence[jax.Ref]) -> None:
        start = pl.multiple_of(index * tile, tile) if units % tile == 0 else jnp.minimum(index * tile, units - tile)

        def at(ref: jax.Ref, t: Index | None) -> slice | pl.Slice | tuple[Index, slice | pl.Slice]:
            here = pl.ds(0 if ref.shape[-1] == tile else start, tile)
            return here if t is None else (t, here)

        def load(ref: jax.Ref, t: Index | None) -> Array:
            return ref[at(ref, t)]

        def store(ref: jax.Ref, value: Array, t: Index | None) -> None:
            ref[at(ref, t)] = value

        kernel(load, store, refs)

    if compiler == "mosaic":
        from jax.experimental.pallas import mosaic_gpu as mosaic

        def on_mosaic(*refs: jax.Ref) -> None:
            of_tile(jax.lax.axis_index("tile"), refs)

        return list(
            mosaic.kernel(
                on_mosaic,
                out_type=list(outs),
                grid=(tiles,),
                grid_names=("tile",),
                compiler_params=mosaic.CompilerParams(unsafe_no_auto_barriers=True),  # no memory is shared
            )(*ins)
        )

    def on_pallas(*refs: jax.Ref) -> None:
        of_tile(pl.program_id(0), refs)

    whole = pl.BlockSpec(memory_space=pl.ANY)
    compiled = partial(pl.pallas_call, interpret=True)
    if compiler == "triton":
        from jax.experimental.pallas import triton

        options = triton.CompilerParams(num_warps=_WARPS, num_stages=1)
        compiled = partial(pl.pallas_call, compiler_params=options)
    run = compiled(
        on_pallas,
        out_shape=list(outs),
        grid=(tiles,),
        in_specs=[whole] * len(ins),
        out_specs=[whole] * len(outs),
    )
    return list(run(*ins))

"""Recurrences as kernels, interpreted on a CPU and lowered for a GPU that is not there."""

import re
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gpu_programs import COMPILER, kernel_count, lowered

import dynplug as dp
from dynplug.core import default_platform, on_device_of
from dynplug.errors import KernelWarning, OptionError
from dynplug.timeloop import Loop, RunState, recurrence_primitive, scan, target_device as backend
from dynplug.timeloop.unit_axes import Mixed, unit_axes

# -- Steps at random -----------------------------------------------------------------------------------------------


def random_step(seed, dtype):
    """An elementwise step over units (3, 5): parameters, carried values of several types and shapes, three inputs."""
    rng = np.random.default_rng(seed)
    vector, number = (jnp.asarray(rng.uniform(0.2, 0.8, n), dtype) for n in (5, ()))
    unary = [jnp.tanh, jnp.sin, jnp.exp, jax.nn.sigmoid, jax.nn.softplus, jnp.square, jnp.abs, lambda v: v**3]
    names = [unary[k] for k in rng.integers(len(unary), size=4)]
    threshold = float(rng.uniform(0.1, 0.4))

    def step(parameters, carry, x):
        vector, number = parameters
        v, w, left, seen, count = carry
        drive, wide, t = x
        current = (wide + drive[:, None]).astype(dtype)
        u = jnp.where(left > 0, v, names[0](0.4 * v) * vector[None] + names[1](0.3 * current) - number * w)
        spike = u > threshold + 0.1 * jnp.sin(0.1 * t).astype(dtype)
        w = names[2](0.2 * w) * 0.5 + 0.1 * names[3](0.3 * u) + 0.1 * spike.astype(dtype)
        left = jnp.where(spike, 2, jnp.maximum(left - 1, 0))
        v = jnp.where(spike & ~seen, 0.5 * u, u)
        return (v, w, left, spike, count + 2), ((v * w).T, spike, count)

    start = (
        jnp.asarray(rng.normal(size=(3, 5)), dtype),
        jnp.asarray(rng.normal(size=(3, 5)), dtype),
        jnp.asarray(rng.integers(0, 3, (3, 5)), jnp.int32),
        jnp.asarray(rng.random((3, 5)) < 0.5),
        jnp.asarray(0, jnp.int32),
    )
    return step, start, (vector, number)


def inputs(length, dtype, seed):
    rng = np.random.default_rng(seed)
    shapes = ((length, 3), (length, 3, 5), (length,))
    return tuple(jnp.asarray(rng.normal(size=shape), dtype) for shape in shapes)


def run(step, start, xs, parameters, reverse=False, loop="auto"):
    """All results of a loop, and the gradients of what is floating in them for parameters, first carry and inputs."""

    def total(parameters, floating, xs):
        (v, w, *rest), outs = scan(partial(step, parameters), (*floating, *start[2:]), xs, reverse=reverse, loop=loop)
        return sum(jnp.sum(jnp.sin(a.astype(jnp.float32))) for a in (v, w, outs[0])), ((v, w, *rest), outs)

    (_, results), gradients = jax.jit(jax.value_and_grad(total, (0, 1, 2), has_aux=True))(parameters, start[:2], xs)
    return results, gradients


@pytest.mark.parametrize(
    ("seed", "length", "dtype", "reverse"),
    [
        *((0, 1, "float32", False), (1, 7, "float32", True), (2, 256, "float32", False), (3, 4096, "float32", True)),
        *((4, 33, "float64", False), (5, 12, "float64", True), (6, 30, "bfloat16", False), (7, 33, "float32", False)),
    ],
)
def test_any_elementwise_step(seed, length, dtype, reverse, kernels):
    with jax.enable_x64(dtype == "float64"):
        step, start, parameters = random_step(seed, dtype)
        xs = inputs(length, dtype, seed)
        assert "one kernel of 15 units" in explained(partial(step, parameters), start, xs, reverse)
        expected, slopes = run(step, start, xs, parameters, reverse, "plain")
        found, found_slopes = run(step, start, xs, parameters, reverse)
        # Whole numbers and booleans are equal; so are most floating numbers, but XLA may contract products and sums.
        eps = float(jnp.finfo(dtype).eps)
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            assert a.dtype == b.dtype
            assert a.shape == b.shape
            if jnp.issubdtype(a.dtype, jnp.floating):
                np.testing.assert_allclose(double(a), double(b), rtol=0, atol=64 * eps)
            else:
                np.testing.assert_array_equal(a, b)
        scales = [float(jnp.abs(b).max()) for b in jax.tree.leaves(slopes)]
        assert sum(scale > 0 for scale in scales) >= 6  # all but that for time, which shifts a threshold
        for a, b, scale in zip(jax.tree.leaves(found_slopes), jax.tree.leaves(slopes), scales, strict=True):
            np.testing.assert_allclose(double(a), double(b), rtol=0, atol=64 * eps * scale)


def double(a):
    return np.asarray(a).astype(np.float64)


def explained(step, start, xs, reverse=False):
    from dynplug.timeloop.analysis import analyse
    from dynplug.timeloop.explain import describe

    length = jax.tree.leaves(xs)[0].shape[0]
    loop = analyse(step, start, xs, length, reverse, "auto", False)
    return describe(loop, [f"c{k}" for k in range(len(start))], length)


def test_a_kernel_is_batched_differentiated_twice_and_run_in_forward_mode(kernels):
    step, start, parameters = random_step(8, "float32")
    xs = inputs(9, "float32", 8)

    def end(scale, loop):
        (v, *_), outs = scan(partial(step, parameters), (start[0] * scale, *start[1:]), xs, loop=loop)
        return jnp.sum(jnp.sin(v)) + jnp.sum(outs[0] ** 2)

    scales = jnp.array([0.2, 0.4, 0.6])
    for transform in (jax.grad, lambda f: jax.jacfwd(jax.grad(f)), lambda f: jax.grad(jax.grad(f)), jax.jacfwd):
        one, many = transform(partial(end, loop="plain")), transform(partial(end, loop="auto"))
        expected = [jax.jit(one)(s) for s in scales]
        np.testing.assert_allclose(jax.jit(jax.vmap(many))(scales), expected, rtol=2e-4, atol=1e-6)
        assert np.abs(expected).max() > 1e-3


def test_a_batch_of_loops_is_one_kernel_of_more_units(kernels):
    """Not a loop over kernels: so a sweep over seeds fills a GPU."""
    kernels(COMPILER)
    step, start, parameters = random_step(9, "float32")
    many = jax.tree.map(lambda a: jnp.stack([a] * 4), start)
    xs = inputs(9, "float32", 9)
    text = lowered(jax.vmap(lambda c: scan(partial(step, parameters), c, xs)), many)
    assert kernel_count(text) == 1
    assert "stablehlo.while" not in text


def test_spikes_keep_their_surrogate_in_second_derivatives(kernels):
    """Compared with steps that are written out, as jax.lax.scan itself forgets the rule."""
    xs = jnp.full((6, 4), 0.4)

    def step(v, x):
        v = 0.9 * v + x
        s = dp.surrogates.Sigmoid(4.0)(v - 1.0)
        return v * (1.0 - s), s

    def looped(v):
        return jnp.sum(scan(step, v, xs)[1])

    def written_out(v):
        total = 0.0
        for x in xs:
            v, s = step(v, x)
            total += jnp.sum(s)
        return total

    second = [jax.jit(jax.jacfwd(jax.grad(f)))(jnp.full(4, 0.3)) for f in (written_out, looped)]
    np.testing.assert_allclose(*second, rtol=1e-4, atol=1e-5)
    assert np.abs(second[0]).max() > 1e-3


# -- The plan ------------------------------------------------------------------------------------------------------


def net():
    keys = jax.random.split(jax.random.key(0), 3)
    return dp.Sequential(
        readin=dp.layers.Dense(40, 30, key=keys[0]),
        hidden=dp.neurons.LIF(30, tau=10.0),
        drop=dp.layers.Dropout(0.2),
        delay=dp.layers.Delay(30, 5.0),
        recurrent=dp.layers.GRUCell(30, 20, key=keys[1]),
        readout=dp.layers.Dense(20, 5, key=keys[2]),
        out=dp.neurons.LeakyIntegrator(5),
    )


def plan(system, length=24):
    loop, key = Loop(dt=1.0, batched=True, fit=True), jax.random.key(1)
    return loop.explain(system, loop.start(system, batch_size=7), jnp.zeros((length, 7, 40)), length, key=key)


def test_the_plan_for_a_gpu(kernels):
    """Kernels for what is elementwise, noise and delays beside them, and the rest a scan that is unrolled, with why."""
    kernels(COMPILER)
    forward, back = plan(net()).split("Backward:")
    assert "(an accelerator likes large products)" in forward
    assert "one kernel of 210 units, carrying hidden.V" in forward
    assert "one kernel of 35 units, carrying out.V" in forward
    assert "all steps in one call: random_bits" in forward
    assert "with delay.buffer as a shift" in forward
    assert re.search(
        r"one scan, 8 steps in an iteration \(no kernel: a kernel cannot compute \w+ of float32\), carry", forward
    )
    assert "kernels of 210, 35 units" in back
    assert "one kernel of 210 units" in back
    assert "one scan, 8 steps in an iteration" in back


def test_on_a_cpu_nothing_changes(monkeypatch):
    monkeypatch.delenv(backend.VARIABLE, raising=False)
    text = plan(net())
    assert "kernel" not in text
    assert "iteration" not in text
    assert backend.current_backend() == backend.Backend("cpu")


def test_kernels_can_be_turned_off(monkeypatch):
    monkeypatch.setattr(backend, "default_platform", lambda: "gpu")
    monkeypatch.setenv(backend.VARIABLE, "off")
    assert backend.current_backend() == backend.Backend("gpu", None, 8)
    text = plan(net())
    assert "kernel" not in text
    assert "one scan, 8 steps in an iteration, carrying hidden.V" in text


def test_an_unknown_compiler_is_refused(monkeypatch):
    monkeypatch.setenv(backend.VARIABLE, "tritn")
    with pytest.raises(
        OptionError, match=r"DYNPLUG_KERNELS='tritn' must be one of auto, off, mosaic.*Did you mean 'triton'"
    ):
        scan(lambda c, x: (c + x, c), jnp.zeros(3), jnp.ones((4, 3)))


@pytest.mark.parametrize(
    ("kind", "capability", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", "9.0", COMPILER),
        ("NVIDIA A100-SXM4-40GB", "8.0", "triton"),
        ("Tesla P100", "6.0", None),
        ("AMD Instinct MI300X", "", None),
    ],
)
def test_the_compiler_follows_from_the_device(kind, capability, expected, monkeypatch):
    device = SimpleNamespace(platform="gpu", device_kind=kind, compute_capability=capability)
    monkeypatch.setattr(jax, "devices", lambda: [device])
    assert backend._kernel_compiler.__wrapped__() == expected


def test_the_device_of_arrays_is_the_one_planned_for(monkeypatch):
    """Arrays that were put on a CPU are computed there, beside a GPU too."""
    here = jax.device_put(jnp.zeros(3), jax.devices("cpu")[0])
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert default_platform() == "gpu"
    with on_device_of({"a": jnp.zeros(3), "b": 1}):
        assert default_platform() == "gpu"
    with on_device_of({"a": here}):
        assert default_platform() == "cpu"


def test_a_program_planned_for_a_gpu_runs_on_a_cpu(kernels):
    """As a scan, since only lowering knows the platform."""
    kernels(COMPILER)
    step, start, parameters = random_step(10, "float32")
    xs = inputs(9, "float32", 10)
    both = (jax.tree.leaves(run(step, start, xs, parameters, loop=loop)) for loop in ("plain", "auto"))
    for a, b in zip(*both, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_what_a_compiler_refuses_after_all_is_a_scan_and_a_warning(kernels, monkeypatch):
    def refuse(*args):
        raise NotImplementedError("no such operation")

    kernels(COMPILER)
    monkeypatch.setattr(recurrence_primitive, "run_kernel", refuse)
    step, start, parameters = random_step(11, "float32")
    with pytest.warns(KernelWarning, match=f"15 units runs as a scan.*{COMPILER} refuses.*no such operation"):
        text = lowered(lambda c, x: scan(partial(step, parameters), c, x), start, inputs(9, "float32", 11))
    assert kernel_count(text) == 0
    assert "stablehlo.while" in text


def test_the_code_does_not_grow_with_the_number_of_steps(kernels):
    kernels(COMPILER)
    step, start, parameters = random_step(12, "float32")
    step = partial(step, parameters)
    short, long = (lowered(lambda c, x: scan(step, c, x), start, inputs(n, "float32", 0)) for n in (64, 4096))
    assert kernel_count(short) == kernel_count(long) == 1
    assert len(long) < 1.05 * len(short)


# -- Units that depend on each other -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("dot_general", lambda v, x: (jnp.tanh(v @ jnp.ones((5, 5)) / 5 + x), v)),
        ("reduce_sum", lambda v, x: (0.5 * v + x - 0.1 * v.sum(-1, keepdims=True), v)),
        ("all pairs of units", lambda v, x: (jnp.tanh(v * v.T) + x, v)),
        ("rev", lambda v, x: (jnp.flip(v, 1) * 0.5 + x, v)),
        ("cumsum", lambda v, x: (jnp.cumsum(v, 1) * 0.1 + x, v)),
    ],
)
def test_what_mixes_units_is_a_scan_with_the_reason(name, step, kernels):
    size = 3 if "pairs" in name else 5
    start, xs = jnp.ones((3, size)), jnp.ones((7, 3, size))
    text = _plan_of(step, start, xs)
    assert "one kernel" not in text
    assert name in text
    expected, found = (jax.jit(partial(scan, step, loop=loop))(start, xs) for loop in ("plain", "auto"))
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-6)


def _plan_of(step, start, xs):
    return explained(lambda c, x: ((step(c[0], x)[0],), step(c[0], x)[1]), (start,), xs)


def test_units_of_two_shapes_are_two_kernels(kernels):
    def step(carry, x):
        a, b = carry
        return (0.9 * a + x, 0.5 * b + 1.0), (a, b)

    start, xs = (jnp.zeros((3, 5)), jnp.zeros(4)), jnp.ones((7, 3, 5))
    assert "kernels of 15, 4 units" in explained(step, start, xs)
    expected, found = (jax.jit(partial(scan, step, loop=loop))(start, xs) for loop in ("plain", "auto"))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a, b)


def test_axes_that_belong_together():
    def f(a, b, c):
        return (a.T + b[None])[None] * c

    jaxpr = jax.make_jaxpr(f)(jnp.ones((2, 3)), jnp.ones(2), jnp.ones((1, 3, 2))).jaxpr
    axes = unit_axes(jaxpr.eqns, jaxpr.invars, [])
    (a0, a1), (b0,), (c0, c1, c2) = (axes.of[v] for v in jaxpr.invars)
    assert (c0, c1, c2) == (None, a1, a0)
    assert b0 == a0
    assert axes.groups == (frozenset({a0, a1}),)
    outer = jax.make_jaxpr(lambda a: a[:, None] * a[None, :])(jnp.ones(3)).jaxpr
    with pytest.raises(Mixed, match=r"all pairs of units \(3x3\)"):
        unit_axes(outer.eqns, outer.invars, [])


def test_the_state_of_a_run_goes_through_a_kernel(kernels):
    """A run that is interrupted and continued equals one that is not."""
    system, xs = net(), jax.random.normal(jax.random.key(2), (24, 7, 40)) * 3
    loop, key = Loop(dt=1.0, batched=True, fit=True), jax.random.key(1)
    start = loop.start(system, batch_size=7)
    advance = jax.jit(lambda s, xs, n: loop.advance(system, s, xs, n, key=key), static_argnums=2)
    whole, (out, _) = advance(start, xs, 24)
    middle, (first, _) = advance(start, xs[:12], 12)
    end, (second, _) = advance(middle, xs[12:], 12)
    assert isinstance(end, RunState)
    np.testing.assert_allclose(jnp.concatenate([first, second]), out, rtol=1e-5, atol=1e-6)
    for a, b in zip(jax.tree.leaves(end), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)

"""Transformations of a loop: derivatives of every kind, `jax.vmap`, loops around it."""

import contextlib
import functools
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .programs import Program

PARTS = ("w", "init", "xs")


@functools.cache
def _quickly():
    """The options, of those that this XLA has, with which it compiles in half the time."""
    found = {}
    for option in (
        {"xla_cpu_use_fusion_emitters": False},
        {"xla_backend_optimization_level": 0},
        {"xla_cpu_parallel_codegen_split_count": 1},
    ):
        with contextlib.suppress(jax.errors.JaxRuntimeError):
            jax.jit(lambda: 0, compiler_options=option).lower().compile()
            found |= option
    return found


def results(program: Program, loop, quick: bool = False):
    """Values, and derivatives, of a program run by `loop`, called as `jax.lax.scan` is."""
    made = program.made()
    names = PARTS if "vmap" in program.transform else program.wrt
    given, rest = {}, {}
    for name in PARTS:
        differentiable = jax.tree_util.tree_map_with_path(_is_differentiable, made[name])
        wanted = differentiable if name in names else False
        given[name], rest[name] = eqx.partition(made[name], wanted)
    options = {} if made["length"] is None and program.family != "mistakes" else {"length": made["length"]}
    options |= {"reverse": True} if program.reverse else {}

    def run(given):
        w, init, xs = (eqx.combine(given[name], rest[name]) for name in PARTS)
        return loop(made["make"](w, loop), init, xs, **options)

    return _Around(run, given, np.random.default_rng(program.seed), loop, quick).results(program.transform)


def _is_differentiable(path, leaf):
    return "fixed" not in jax.tree_util.keystr(path) and is_inexact(leaf)


def is_inexact(leaf):
    return isinstance(leaf, float | complex) or jnp.issubdtype(getattr(leaf, "dtype", int), jnp.inexact)


def inexact(tree):
    """The leaves that have derivatives."""
    return [v for v in jax.tree.leaves(tree) if is_inexact(v)]


def loss(results):
    """A number from what is used of a loop's results."""
    total = 0.0
    for path, v in jax.tree_util.tree_leaves_with_path(results):
        if "unused" not in jax.tree_util.keystr(path) and is_inexact(v):
            v = jnp.asarray(v)
            v = v.real + 0.7 * v.imag if jnp.iscomplexobj(v) else v
            v = v.astype(jnp.promote_types(v.dtype, jnp.float32))
            scale = np.cos(np.arange(v.size)).reshape(v.shape).astype(v.dtype)
            total = total + (v / (1 + v * v) * scale).sum()
    return jnp.asarray(total, jnp.float64 if jax.config.jax_enable_x64 else jnp.float32)


class _Around:
    def __init__(self, run, given, rng, loop, quick):
        self.run, self.given, self.rng, self.loop = run, given, rng, loop
        self.jit = functools.partial(jax.jit, compiler_options=_quickly() if quick else None)

    def results(self, transform):
        return getattr(self, transform.split(" over ")[0].replace(" ", "_"))(*transform.split(" over ")[1:])

    def total(self, given):
        results = self.run(given)
        return loss(results), results

    def both(self, f):
        """Values and the gradient, of a function that returns a number and more."""
        (value, more), gradient = f
        return {"values": (value, more), "derivatives": gradient}

    def random(self, tree, make=jnp.asarray):
        """Cotangents or tangents of a tree."""

        def one(v):
            v = jnp.asarray(v) if not hasattr(v, "dtype") else v
            if not jnp.issubdtype(v.dtype, jnp.inexact):
                return np.zeros(v.shape, jax.dtypes.float0)
            numbers = self.rng.normal(size=v.shape) + (0.5j if jnp.iscomplexobj(v) else 0) * self.rng.normal(
                size=v.shape
            )
            return make(np.asarray(numbers).astype(v.dtype))

        return jax.tree.map(one, tree)

    def of_inexact(self, given):
        results = self.run(given)
        return inexact(results), results

    def forward(self):
        return {"values": self.jit(self.run)(self.given), "derivatives": None}

    def grad(self):
        return self.both(self.jit(jax.value_and_grad(self.total, has_aux=True))(self.given))

    def eager_grad(self):
        return self.both(jax.value_and_grad(self.total, has_aux=True)(self.given))

    def checkpoint(self):
        return self.both(self.jit(jax.value_and_grad(jax.checkpoint(self.total), has_aux=True))(self.given))

    def donated(self):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Some donated buffers were not usable")
            step = self.jit(jax.value_and_grad(self.total, has_aux=True), donate_argnums=0)
            return self.both(step(jax.tree.map(jnp.copy, self.given)))

    def vjp(self):
        cotangents = self.random(jax.eval_shape(lambda g: self.of_inexact(g)[0], self.given))

        def pulled(given, cotangents):
            _, pull, values = jax.vjp(self.of_inexact, given, has_aux=True)
            return {"values": values, "derivatives": pull(cotangents)}

        return self.jit(pulled)(self.given, cotangents)

    def vjp_of_numpy(self):
        values, pull = jax.vjp(self.run, self.given)
        return {"values": values, "derivatives": pull(self.random(jax.eval_shape(self.run, self.given), np.asarray))}

    def vjp_across_jit(self):
        values, pull, more = self.jit(lambda g: jax.vjp(self.of_inexact, g, has_aux=True))(self.given)
        return {"values": more, "derivatives": self.jit(pull)(self.random(values))}

    def jvp(self):
        tangents = self.random(self.given)
        _, tangent, values = self.jit(lambda g: jax.jvp(self.of_inexact, (g,), (tangents,), has_aux=True))(self.given)
        return {"values": values, "derivatives": tangent}

    def linearize(self):
        values, linear, more = jax.linearize(self.of_inexact, self.given, has_aux=True)
        return {"values": (values, more), "derivatives": linear(self.random(self.given))}

    def jacfwd(self):
        jacobian, values = self.jit(jax.jacfwd(self.of_inexact, has_aux=True))(self.given)
        return {"values": values, "derivatives": jacobian}

    def squared(self, given):
        gradient, results = jax.grad(self.total, has_aux=True)(given)
        return sum((v.real / (1 + v.real**2) * v.size).sum() for v in jax.tree.leaves(gradient)) + loss(
            results
        ), results

    def grad_of_grad(self):
        return self.both(self.jit(jax.value_and_grad(self.squared, has_aux=True))(self.given))

    def jvp_of_grad(self):
        tangents = self.random(self.given)
        f = jax.grad(self.total, has_aux=True)
        _, tangent, values = self.jit(lambda g: jax.jvp(f, (g,), (tangents,), has_aux=True))(self.given)
        return {"values": values, "derivatives": tangent}

    def copies(self, part):
        """Two of a part, or of all, along an axis that is the first or, of what each step is given, the second."""
        axes = dict.fromkeys(self.given)
        for name in self.given:
            axes[name] = (1 if name == "xs" else 0) if part in ("all", {"w": "weights"}.get(name, name)) else None

        def stacked(name):
            if axes[name] is None:
                return self.given[name]
            return jax.tree.map(lambda v: jnp.stack([v, -0.5 * v], axes[name]), self.given[name])

        return {name: stacked(name) for name in self.given}, axes

    def vmap(self, f, axes):
        return jax.vmap(f, in_axes=(axes,), axis_size=2, axis_name="copies")

    def vmap_of_grad(self, part):
        many, axes = self.copies(part)
        return self.both(self.jit(self.vmap(jax.value_and_grad(self.total, has_aux=True), axes))(many))

    def grad_of_vmap(self, part):
        many, axes = self.copies(part)

        def total(many):
            values, more = self.vmap(self.total, axes)(many)
            return values.sum(), more

        return self.both(self.jit(jax.value_and_grad(total, has_aux=True))(many))

    def shards(self, part):
        """Each copy on a device of its own."""
        many, axes = self.copies(part)
        specs = {n: jax.sharding.PartitionSpec() for n in axes}
        specs |= {n: jax.sharding.PartitionSpec(*[None] * a, "copies") for n, a in axes.items() if a is not None}

        def own(part, axis):
            return part if axis is None else jax.tree.map(lambda v: v.squeeze(axis), part)

        def one(many):
            given = {name: own(many[name], axis) for name, axis in axes.items()}
            return jax.tree.map(lambda v: jnp.asarray(v)[None], jax.value_and_grad(self.total, has_aux=True)(given))

        mesh = jax.sharding.Mesh(np.asarray(jax.devices()[:2]), ("copies",))
        out = jax.sharding.PartitionSpec("copies")
        return self.both(
            self.jit(jax.shard_map(one, mesh=mesh, in_specs=(specs,), out_specs=out, check_vma=False))(many)
        )

    def around(self, loop):
        def outer(given):
            def step(carry, scale):
                scaled = jax.tree.map(lambda v: v * scale.astype(jnp.result_type(v)), given)
                value, more = self.total(scaled)
                return carry + value, (value, more)

            return loop(step, jnp.zeros_like(loss(())), jnp.array([1.0, -0.5, 0.7]), length=3)

        return self.both(self.jit(jax.value_and_grad(outer, has_aux=True))(self.given))

    def within_a_scan(self):
        return self.around(jax.lax.scan)

    def within_itself(self):
        return self.around(self.loop)

"""The equations of a traced function, those of the functions that it calls included."""

import jax


def every_equation(f, *args):
    """All equations of a function."""
    return [eqn for eqn, _ in _walk(jax.make_jaxpr(f)(*args).jaxpr)]


def primitives_of(f, *args):
    """The primitives of a function, those within loops and the others apart."""
    found = list(_walk(jax.make_jaxpr(f)(*args).jaxpr))
    return [e.primitive.name for e, inside in found if inside], [e.primitive.name for e, inside in found if not inside]


def _walk(jaxpr, inside=False):
    """Equations, and whether they are within a loop."""
    for eqn in jaxpr.eqns:
        yield eqn, inside
        loops = inside or eqn.primitive.name in ("scan", "while")
        for value in jax.tree.leaves(eqn.params, is_leaf=lambda v: hasattr(v, "eqns") or hasattr(v, "jaxpr")):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _walk(inner, loops)

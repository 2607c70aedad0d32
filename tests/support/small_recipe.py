"""The recipe of a tiny network on few digits, in which a test changes what it needs to be different."""

import json

SMALL = {
    "seed": 3,
    "task": {
        "type": "digits",
        "test_share": 0.9554,  # 80 samples to train on
        "encoder": {"type": "latency", "num_step": 2},
    },
    "model": {
        "type": "Sequential",
        "input": {"type": "Dense", "in_size": 64, "out_size": 4},
        "hidden": {"type": "LeakyIntegrator", "size": 4, "tau": 5.0},
        "readout": {"type": "Dense", "in_size": 4, "out_size": 10},
    },
    "runner": {"type": "BPTT", "dt": 1.0, "loss_fun": "cross_entropy", "metrics": ["accuracy"]},
    "fit": {"num_epoch": 2, "batch_size": 40},
}


def small_recipe(**changes):
    """The text of the recipe.

    A table of `changes` that has a `type` is taken instead of the one that is there, any other one changes what it
    names, and what is `None` is left out.
    """
    return _section(_changed(SMALL, changes))


def _changed(values, changes):
    changed = {**values}
    for name, new in changes.items():
        within = isinstance(new, dict) and "type" not in new
        changed[name] = _changed(values.get(name, {}), new) if within else new
    return {name: value for name, value in changed.items() if value is not None}


def _section(values, path=()):
    """TOML, in which tables down to the second level are sections, as people write recipes."""
    tables = {name: value for name, value in values.items() if isinstance(value, dict) and len(path) < 2}
    text = "".join(f"{_key(name)} = {_inline(value)}\n" for name, value in values.items() if name not in tables)
    for name, value in tables.items():
        text += f"\n[{'.'.join((*path, name))}]\n{_section(value, (*path, name))}"
    return text


def _inline(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_inline(inner)}" for name, inner in value.items()) + " }"
    return json.dumps(value)


def _key(name):
    return name if name.isidentifier() else json.dumps(name)

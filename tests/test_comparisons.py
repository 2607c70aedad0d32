"""The comparisons with other libraries in the documentation: what they say to write runs, and their tests are there."""

import ast
import re
import tomllib
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp

ROOT = Path(__file__).parent.parent
DATA = sorted((ROOT / "docs" / "_data").glob("*.toml"))
FILES = {path.stem: rows for path in DATA if (rows := tomllib.loads(path.read_text(encoding="utf-8")).get("row"))}
ROWS = [pytest.param(row, id=f"{name}-{'-'.join(row['names'])}"[:60]) for name, rows in FILES.items() for row in rows]


@pytest.mark.parametrize("name", FILES)
def test_every_row_is_shown_by_a_page(name):
    shown = (ROOT / "docs" / "coming-from" / f"{name}.md").read_text(encoding="utf-8")
    for page in {row.get("page") for row in FILES[name]}:
        assert f"{{comparison}} {name}\n" + (f":page: {page}\n" if page else "") in shown


def functions(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_what_to_write_and_what_it_refers_to_is_there(row):
    assert set(row) <= {"page", "names", "form", "code", "tests"}
    assert row["names"]
    assert row.get("form") or row.get("code")
    assert row["tests"]  # of the values that its code gives
    for test in row["tests"]:
        file, _, function = test.partition("::")
        assert (ROOT / file).is_file(), test
        assert function.partition("[")[0] in functions(ROOT / file), test
    for script in re.findall(r"\bexamples/\w+\.py", row.get("form", "")):
        assert (ROOT / script).is_file(), script


@pytest.fixture(scope="module")
def things():
    """Objects that the code may use: a model, data and runners."""
    k1, k2 = jax.random.split(jax.random.key(0))
    model = dp.Sequential(
        input=dp.layers.Dense(3, 4, key=k1), hidden=dp.neurons.LIF(4), out=dp.layers.Dense(4, 2, key=k2)
    )
    rng = np.random.default_rng(0)
    loop = dp.LoopOverTime(model, dt=1.0)
    options = {"metrics": ["accuracy"], "dt": 1.0, "logger": None, "progress_bar": False}
    trainer = dp.BPTT(model, "cross_entropy", **options)
    data = (rng.random((6, 10, 3), np.float32), np.arange(6) % 2)
    trainer.fit(data, test_data=data, num_epoch=1)
    return {
        "dp": dp,
        "eqx": eqx,
        "jax": jax,
        "jnp": jnp,
        "np": np,
        "optax": optax,
        "model": model,
        "trainer": trainer,
        "loop": loop,
        "state": loop.reset_state(),
        "key": jax.random.key(1),
        "runner": dp.DSRunner(dp.neurons.LIF(4), monitors=["V"], dt=1.0, progress_bar=False),
        "ctx": dp.Context(dt=1.0, key=jax.random.key(2), shared={"gain": 2.0}),
        "data": data,
        "xs": data[0],
        "x": data[0][0],
        "ys": data[1],
        "hh": dp.neurons.HH(1),
        "lif": dp.neurons.LIF(4),
        "layer": model["input"],
        "arrays": dp.state_dict(model),
    }


@pytest.mark.parametrize("row", ROWS)
def test_what_a_row_says_to_write_runs(things, tmp_path, monkeypatch, row):
    monkeypatch.chdir(tmp_path)
    for package in re.findall(r"dynplug-[a-z]+", row.get("form", "")):
        pytest.importorskip(package.replace("-", "_"))
    scope = dict(things)
    pieces = re.findall(r"`([^`]+)`", row.get("form", ""))
    for code in (*(piece for piece in pieces if not piece.isidentifier()), row.get("code", "")):  # a name is no code
        exec(compile(code, f"{row['names']}", "exec"), scope)

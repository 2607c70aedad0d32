"""The README's table for those who come from BrainPy: it leaves nothing out, its forms run, its tests are there."""

import ast
import re
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp

ROOT = Path(__file__).parent.parent

# The names on five pages of BrainPy's documentation. `fit.num_epoch` is an argument of the method `fit`.
PAGES = {
    "DSRunner": """
        target inputs fun_inputs monitors fun_monitors jit dyn_vars memory_efficient numpy_mon_after_run progress_bar
        data_first_axis dt t0 mon
        (target,value) (target,value,type) (target,value,type,operation) fix iter func + - * / =
        run predict predict.duration predict.inputs predict.reset_state predict.shared_args predict.eval_time
        cpu cuda tpu to load_state_dict load_state_dict.warn load_state_dict.compatible load_states
        load_states.verbose save_states save_states.variables state_dict
        nodes nodes.method nodes.level nodes.include_self vars vars.method vars.level vars.include_self
        vars.exclude_types train_vars train_vars.method train_vars.level train_vars.include_self
        register_implicit_nodes register_implicit_vars reset_state tree_flatten tree_unflatten unique_name name
    """,
    "LoopOverTime": """
        target out_vars no_state t0 i0 dt shared_arg data_first_axis jit remat
        __call__.data_first_axis reset reset_state update
        register_delay get_delay_data update_local_delays reset_local_delays global_delay_data mode
        cpu cuda tpu to load_state_dict load_state_dict.warn load_state_dict.compatible load_states
        load_states.verbose save_states save_states.variables state_dict
        nodes nodes.method nodes.level nodes.include_self vars vars.method vars.level vars.include_self
        vars.exclude_types train_vars train_vars.method train_vars.level train_vars.include_self
        register_implicit_nodes register_implicit_vars tree_flatten tree_unflatten unique_name name
    """,
    "BPTT": """
        target loss_fun optimizer loss_has_aux loss_auto_run seed shuffle_data monitors numpy_mon_after_run logger
        data_first_axis jit progress_bar dt t0 mon
        fit fit.train_data fit.test_data fit.num_epoch fit.num_report fit.batch_size fit.reset_state fit.shared_args
        fit.fun_after_report get_hist_metric get_hist_metric.phase get_hist_metric.metric get_hist_metric.which
        predict predict.inputs predict.reset_state predict.shared_args run BPFF
        cpu cuda tpu to load_state_dict load_state_dict.warn load_state_dict.compatible load_states
        load_states.verbose save_states save_states.variables state_dict
        nodes nodes.method nodes.level nodes.include_self vars vars.method vars.level vars.include_self
        vars.exclude_types train_vars train_vars.method train_vars.level train_vars.include_self
        register_implicit_nodes register_implicit_vars reset_state tree_flatten tree_unflatten unique_name name
    """,
    "Building models": """
        DynamicalSystem DynamicalSystemNS Network Sequential update reset_state check.is_subclass
        mode TrainingMode BatchingMode NonBatchingMode training_mode batching_mode training_environment
        TrainVar Variable batch_axis train_state state2train state node.reset name
        W_initializer b_initializer init.Initializer init.Normal init.KaimingNormal g_max
        random.RandomState random.normal random.bernoulli share.load tdi fit shared_args
        x>>layer Dense RNNCell LSTMCell Dropout Dropout.prob RecurrentLayer DeepRNN relu
        NVAR NVAR.delay NVAR.order NVAR.stride NGRC
        InputGroup LIF LIF.tau LIF.V_reset LIF.V_rest LIF.V_th LeakyIntegrator Exponential All2All CUBA SNN
        HH for_loop as_numpy
    """,
}
SHARED = "On every object"


def rows():
    """The section, the names, the form and the tests of each row."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = text[text.index("## Coming from BrainPy") :]
    part = part[: part.index("\n## ", 5)] if "\n## " in part[5:] else part
    section, found = "", []
    for line in part.splitlines():
        if head := re.search(r"<summary>(?:<b>)?(.*?)(?:</b>)?</summary>", line):
            section = head[1]
        cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and cells[0] != "BrainPy" and not set(cells[0]) <= {"-", ":"}:
            found.append((section, *cells))
    return found


def spans(cell):
    return re.findall(r"`([^`]+)`", cell)


def names(cell):
    """What a cell names: `f(a, b)` is f, f.a and f.b."""
    for span in spans(cell):
        name, call, arguments = span.partition("(")
        if name and call:
            yield name
            yield from (f"{name}.{a.strip().partition('=')[0]}" for a in arguments.rstrip(")").split(",") if a.strip())
        else:
            yield span.replace(" ", "").strip("\"'")


ROWS = rows()


@pytest.mark.parametrize("page", PAGES)
def test_no_name_of_the_page_is_left_out(page):
    there = {name for section, cell, *_ in ROWS if section in (page, SHARED) for name in names(cell)}
    assert sorted(set(PAGES[page].split()) - there) == []


def test_no_name_has_two_rows_in_a_section():
    seen = [(section, name) for section, cell, *_ in ROWS for name in dict.fromkeys(names(cell)) if "." not in name]
    assert sorted({name for name in seen if seen.count(name) > 1}) == []


def functions(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("section", "name", "form", "tests"), ROWS, ids=[f"{r[0]}-{r[1]}"[:60] for r in ROWS])
def test_each_row_says_what_to_write_and_names_tests_that_exist(section, name, form, tests):
    assert form
    assert spans(tests), f"{name} names no test"
    for test in spans(tests):
        file, _, function = test.partition("::")
        assert (ROOT / file).is_file(), test
        assert function.partition("[")[0] in functions(ROOT / file), test


@pytest.fixture(scope="module")
def things():
    """What the forms may use: a model, data and runners."""
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


CODE = [row for row in ROWS if spans(row[2])]


@pytest.mark.parametrize(("section", "name", "form", "tests"), CODE, ids=[f"{r[0]}-{r[1]}"[:60] for r in CODE])
def test_what_a_row_says_to_write_runs(things, tmp_path, monkeypatch, section, name, form, tests):
    monkeypatch.chdir(tmp_path)
    for package in re.findall(r"dynplug-[a-z]+", form):
        pytest.importorskip(package.replace("-", "_"))
    scope = dict(things)
    for code in spans(form):
        exec(compile(code, f"README.md: {name}", "exec"), scope)

"""The comparison with BrainPy leaves nothing out; `test_comparisons.py` runs it."""

import tomllib
from pathlib import Path

import pytest

DATA = Path(__file__).parent.parent / "docs" / "_data" / "brainpy.toml"

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


ROWS = tomllib.loads(DATA.read_text(encoding="utf-8"))["row"]


def names(row):
    """The names in a row: `f(a, b)` is f, f.a and f.b."""
    for span in row["names"]:
        name, call, arguments = span.partition("(")
        if name and call:
            yield name
            yield from (f"{name}.{a.strip().partition('=')[0]}" for a in arguments.rstrip(")").split(",") if a.strip())
        else:
            yield span.replace(" ", "").strip("\"'")


@pytest.mark.parametrize("page", PAGES)
def test_no_name_of_the_page_is_left_out(page):
    there = {name for row in ROWS if row["page"] in (page, SHARED) for name in names(row)}
    assert sorted(set(PAGES[page].split()) - there) == []


def test_no_name_has_two_rows_in_a_section():
    seen = [(row["page"], name) for row in ROWS for name in dict.fromkeys(names(row)) if "." not in name]
    assert sorted({name for name in seen if seen.count(name) > 1}) == []


def test_every_row_names_its_tests():
    assert [row["names"] for row in ROWS if not row.get("tests")] == []

"""The mapping of variables, and errors for those that do not fit; `tests/recorded` has networks of BrainPy's."""

import inspect

import jax
import numpy as np
import pytest
from checked_annotations import unchecked

import dynplug as dp
from dynplug.errors import CheckpointError, OptionError, StateDictError, UnknownPathError
from dynplug.interchange import from_brainpy
from dynplug.layers import Dense, GRUCell, LSTMCell, RNNCell

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


def dense(i, o):
    return {"W": RNG.normal(size=(i, o)), "b": RNG.normal(size=o)}


def cell(i, o, gates, **more):
    return {"Wi": RNG.normal(size=(i, gates * o)), "Wh": RNG.normal(size=(o, gates * o)), **more}


def named(**objects):
    return {f"{owner}.{name}": value for owner, own in objects.items() for name, value in own.items()}


def two():
    return dp.Sequential(first=Dense(3, 3, key=KEY), second=Dense(3, 3, key=KEY))


def test_weights_are_transposed_and_layers_of_one_kind_go_by_number():
    arrays = named(Dense10=dense(3, 3), Dense9=dense(3, 3))
    tree, *rest = from_brainpy(two(), arrays)
    assert rest == [[], [], []]
    np.testing.assert_array_equal(tree["first"].weight, np.float32(arrays["Dense9.W"].T))
    np.testing.assert_array_equal(tree["second"].bias, np.float32(arrays["Dense10.b"]))


def test_layers_can_be_named():
    arrays = named(enc=dense(3, 3), dec=dense(3, 3))
    with pytest.raises(OptionError, match=r"Denses enc, dec have names that show no order.*'first', 'second'"):
        from_brainpy(two(), arrays)
    tree = from_brainpy(two(), arrays, {"second": "enc", "first": "dec"}).tree
    np.testing.assert_array_equal(tree["first"].weight, np.float32(arrays["dec.W"].T))
    with pytest.raises(UnknownPathError, match="'first'"):
        from_brainpy(two(), arrays, {"frist": "enc"})
    with pytest.raises(OptionError, match=r"no object 'encoder'.*'enc'"):
        from_brainpy(two(), arrays, {"first": "encoder"})
    with pytest.raises(OptionError, match=r"'first' is a Dense, but 'enc' is not: it has Wi, Wh"):
        from_brainpy(two(), named(enc=cell(3, 3, 1)), {"first": "enc"})


def test_a_state_dict_is_taken_as_it_is_and_what_belongs_to_a_run_is_left_out():
    flat = named(Dense0=dense(3, 3), LIF0={"V": np.zeros(3), "spike": np.zeros(3)}, LSTMCell0={"state": np.zeros(3)})
    nested = {"Net0": {}} | {o: {n: v for n, v in flat.items() if n.startswith(o)} for o in ("Dense0", "LIF0")}
    for arrays in (flat, nested):
        model = from_brainpy(Dense(3, 3, key=KEY) >> dp.neurons.LIF(3), arrays).tree
        np.testing.assert_array_equal(model[0].weight, np.float32(flat["Dense0.W"].T))
    alone = from_brainpy(Dense(3, 3, key=KEY), flat).tree
    np.testing.assert_array_equal(alone.weight, model[0].weight)


def test_all_that_does_not_fit_is_listed():
    arrays = named(Dense0=dense(3, 4), Conv0={"w": np.zeros((2, 2))})
    with pytest.raises(StateDictError) as error:
        from_brainpy(two(), arrays)
    assert error.value.missing == ["second.weight", "second.bias"]
    assert error.value.unexpected == ["Conv0.w"]
    assert [one.path for one in error.value.differing] == ["first.weight", "first.bias"]
    tree, missing, unexpected, differing = from_brainpy(two(), arrays, strict=False)
    assert (len(missing), unexpected, len(differing)) == (2, ["Conv0.w"], 2)
    np.testing.assert_array_equal(tree["first"].weight, two()["first"].weight)
    with pytest.raises(CheckpointError, match="state_dict"):
        inspect.unwrap(from_brainpy)(two(), [1.0])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kind", "gates"), [(RNNCell, 1), (GRUCell, 3), (LSTMCell, 4)])
def test_biases_that_only_one_side_has_are_named(kind, gates, bias):
    """An LSTM needs one here in any case, as BrainPy adds one to its forget gate."""
    options = {RNNCell: {}, GRUCell: {"reset_after": False}, LSTMCell: {}}[kind]
    without = {"b_initializer": None} if kind is RNNCell else {"use_bias": False}
    theirs = cell(3, 2, gates, **({"b": RNG.normal(size=2 * gates)} if bias else {}))
    loaded = from_brainpy(kind(3, 2, key=KEY, **options, **without), named(cell=theirs), strict=False)
    assert [name.partition(" ")[0] for name in loaded.unexpected] == (["cell.b"] if bias or kind is LSTMCell else [])
    with_ours = from_brainpy(kind(3, 2, key=KEY, **options), named(cell=theirs), strict=False)
    assert len(with_ours.missing) == (0 if bias or kind is LSTMCell else 1)
    if kind is LSTMCell and not bias:
        np.testing.assert_array_equal(with_ours.tree.cell.bias, [0, 0, 1, 1, 0, 0, 0, 0])


def test_a_gru_must_apply_its_reset_before_the_product():
    arrays = named(GRUCell0=cell(3, 2, 3, b=np.zeros(6)))
    with pytest.raises(StateDictError, match="reset_after=False, not reset_after=True"):
        from_brainpy(dp.Sequential(rnn=GRUCell(3, 2, key=KEY)), arrays)


@pytest.mark.parametrize("kind", [RNNCell, LSTMCell])
def test_a_trained_start_that_was_not_saved_is_missing(kind):
    gates = {RNNCell: 1, LSTMCell: 4}[kind]
    arrays = named(cell=cell(3, 2, gates, b=np.zeros(2 * gates)))
    loaded = from_brainpy(kind(3, 2, train_state=True, key=KEY), arrays, strict=False)
    assert loaded.missing == {RNNCell: ["state0.value"], LSTMCell: ["h0.value", "c0.value"]}[kind]


def test_variables_of_a_wrong_size_differ():
    arrays = named(cell=cell(3, 2, 4, b=np.zeros(7), state2train=np.zeros(3)))
    loaded = from_brainpy(LSTMCell(3, 2, train_state=True, key=KEY), arrays, strict=False)
    assert [one.path for one in loaded.differing] == ["cell.bias", "c0.value"]


def test_what_is_no_array_and_layers_that_are_no_names_are_refused():
    with pytest.raises(CheckpointError, match=r"an array of numbers for '.*'; got 'a'"):
        from_brainpy(Dense(2, 2, key=KEY), {"Dense0.W": "a"})
    with unchecked(), pytest.raises(OptionError, match=r"layers=.* must be BrainPy's name of each layer by path"):
        from_brainpy(Dense(2, 2, key=KEY), named(Dense0={"W": np.ones((2, 2))}), ["Dense0"])

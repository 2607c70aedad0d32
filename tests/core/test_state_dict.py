"""Arrays by path: out, in, and through a file."""

import inspect
import json
import os
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from safetensors.numpy import load_file, save_file

import dynplug as dp
from dynplug.errors import CheckpointError, ParameterError, StateDictError


def network(key, hidden=3, **lif):
    k1, k2 = jax.random.split(key)
    return dp.Sequential(
        a=dp.layers.Dense(2, hidden, key=k1), b=dp.neurons.LIF(hidden, **lif), c=dp.layers.Dense(hidden, 1, key=k2)
    )


@pytest.fixture
def net(getkey):
    return network(getkey())


PATHS = ["a.weight", "a.bias", "c.weight", "c.bias"]


def test_arrays_go_by_path_and_come_back_into_another_model(net, getkey):
    arrays = dp.state_dict(net)
    assert list(arrays) == PATHS
    assert arrays["a.weight"] is net["a"].weight
    other = network(getkey())
    before = other["a"].weight
    loaded, missing, unexpected, differing = dp.load_state_dict(other, arrays)
    assert (missing, unexpected, differing) == ([], [], [])
    assert all(np.array_equal(dp.state_dict(loaded)[path], arrays[path]) for path in PATHS)
    assert other["a"].weight is before
    assert not np.array_equal(before, arrays["a.weight"])
    x = jnp.ones((5, 2))
    np.testing.assert_array_equal(dp.LoopOverTime(loaded, dt=1.0)(x)[1], dp.LoopOverTime(net, dt=1.0)(x)[1])


def test_strict_names_all_that_is_missing_and_unexpected(net):
    arrays = dp.state_dict(net)
    arrays["c.wieght"] = arrays.pop("c.weight")
    arrays["d.bias"] = arrays.pop("a.bias")
    with pytest.raises(StateDictError, match="do not match this Sequential") as error:
        dp.load_state_dict(net, arrays)
    for said in ("missing c.weight", "missing a.bias", r"unexpected c.wieght (is it c.weight?)", "unexpected d.bias"):
        assert said in str(error.value)
    assert "strict=False" in str(error.value)
    assert error.value.missing == ["a.bias", "c.weight"]
    assert error.value.unexpected == ["c.wieght", "d.bias"]


def test_compatible_loading_takes_what_fits_and_reports_the_rest(net, getkey):
    arrays = dp.state_dict(network(getkey()))
    del arrays["a.bias"]
    loaded, missing, unexpected, differing = dp.load_state_dict(net, {**arrays, "z": jnp.ones(1)}, strict=False)
    assert (missing, unexpected, differing) == (["a.bias"], ["z"], [])
    assert loaded["a"].bias is net["a"].bias
    np.testing.assert_array_equal(loaded["a"].weight, arrays["a.weight"])


@pytest.mark.parametrize("cast", [True, False])
@pytest.mark.parametrize(
    ("value", "form"),
    [(np.zeros((2, 3), np.float32), "float32[2, 3]"), (np.zeros((3, 2), np.int32), "int32[3, 2]")],
)
def test_another_shape_or_kind_is_an_error_or_left_out_and_reported(net, cast, value, form):
    arrays = {**dp.state_dict(net), "a.weight": value, "a.bias": np.ones(3, np.float32)}
    with pytest.raises(StateDictError, match=rf"a.weight is {re.escape(form)}, not float32\[3, 2\]") as error:
        dp.load_state_dict(net, arrays, cast=cast)
    assert error.value.differing == [("a.weight", form, "float32[3, 2]")]
    assert ("cast=True" in str(error.value)) == (form == "int32[3, 2]")
    loaded = dp.load_state_dict(net, arrays, strict=False, cast=cast)
    assert loaded.differing == [("a.weight", form, "float32[3, 2]")]
    assert not loaded.whole
    assert loaded.tree["a"].weight is net["a"].weight
    np.testing.assert_array_equal(loaded.tree["a"].bias, 1.0)


@pytest.mark.parametrize(
    ("saved", "here"),
    [
        ("float64", "float32"),
        ("float32", "float16"),
        ("float16", "float32"),
        ("int64", "int32"),
        ("bfloat16", "float32"),
    ],
)
def test_another_precision_is_converted_if_asked_for_and_never_in_silence(saved, here):
    tree = {"x": np.zeros(2, here)}
    arrays = {"x": np.array([1, 3], jnp.dtype(saved))}
    with pytest.raises(StateDictError, match=rf"x is {saved}\[2\], not {here}\[2\].*cast=True"):
        dp.load_state_dict(tree, arrays)
    assert dp.load_state_dict(tree, arrays, strict=False).tree["x"] is tree["x"]
    loaded = dp.load_state_dict(tree, arrays, cast=True).tree["x"]
    assert loaded.dtype == here
    np.testing.assert_array_equal(loaded, [1, 3])


@pytest.mark.parametrize(("value", "here"), [(np.float32(1e6), "float16"), (np.int64(2**40), "int32")])
def test_what_a_dtype_cannot_hold_is_not_converted(value, here):
    with pytest.raises(StateDictError, match=f"with values that {here} cannot hold, not {here}"):
        dp.load_state_dict({"x": np.zeros((), here)}, {"x": value}, cast=True)


def test_a_file_of_another_precision(net, tmp_path, x64):
    double = jax.tree.map(lambda a: a.astype(float) if isinstance(a, jax.Array) else a, net)
    dp.save_states(tmp_path / "f", net)
    with pytest.raises(StateDictError, match=r"a\.weight is float32\[3, 2\], not float64"):
        dp.load_states(tmp_path / "f", double)
    loaded = dp.load_states(tmp_path / "f", double, cast=True).tree
    assert loaded["a"].weight.dtype == jnp.float64
    np.testing.assert_array_equal(loaded["a"].weight, net["a"].weight)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_a_positive_parameter_is_checked_wherever_it_is_loaded(tmp_path, getkey, value):
    def make(tau):
        return network(jax.random.key(0), tau=jnp.full(3, tau))

    bad = eqx.tree_at(lambda m: m["b"].tau, make(5.0), jnp.array([5.0, value, 5.0]))
    dp.save_states(tmp_path / "f", bad)
    for load in (
        lambda: dp.load_state_dict(make(4.0), dp.state_dict(bad)),
        lambda: dp.load_state_dict(make(4.0), dp.state_dict(bad), strict=False),
        lambda: dp.load_states(tmp_path / "f", make(4.0)),
        lambda: dp.load_state_dict({"m": make(4.0)}, {"m.b.tau": np.full(3, value, np.float32)}, strict=False),
    ):
        with pytest.raises(ParameterError, match=r"b\.tau must be"):
            load()
    moments = optax.adam(0.1).init(eqx.filter(make(4.0), eqx.is_array))  # made of models, but of other values
    assert dp.load_state_dict(moments, dp.state_dict(moments)).whole


def test_a_number_becomes_the_array_that_was_trained_in_its_place(getkey):
    x, y = np.ones((4, 5, 2), np.float32), np.ones((4, 5, 1), np.float32)
    trainer = dp.BPTT(network(getkey()), "mse", dt=1.0, trainable={"b.tau": True}, logger=None, progress_bar=False)
    trainer.fit((x, y), num_epoch=2)
    fresh = network(getkey())
    assert "b.tau" not in dp.state_dict(fresh)
    loaded = dp.load_state_dict(fresh, dp.state_dict(trainer.target)).tree
    np.testing.assert_array_equal(loaded["b"].tau, trainer.target["b"].tau)
    with pytest.raises(StateDictError, match=r"b.tau is float32\[3\], not float32\[\]"):
        dp.load_state_dict(fresh, {**dp.state_dict(fresh), "b.tau": jnp.ones(3)})


def test_a_long_list_of_differences_is_cut_and_counted():
    with pytest.raises(StateDictError, match=r"missing 22; and 27 more\.") as error:
        dp.load_state_dict({str(n): jnp.ones(1) for n in range(10, 50)}, {"11": jnp.ones(1)})
    assert len(error.value.missing) == 39


def test_a_file_holds_the_model_bit_by_bit_under_its_paths(net, tmp_path, getkey):
    path = tmp_path / "new" / "net.safetensors"
    dp.save_states(path, net)
    assert set(load_file(path)) == set(PATHS)
    loaded = dp.load_states(path, network(getkey()))
    assert loaded.whole
    assert all(np.array_equal(dp.state_dict(loaded.tree)[p], dp.state_dict(net)[p]) for p in PATHS)
    with pytest.raises(StateDictError, match=r"a\.weight is"):
        dp.load_states(path, network(getkey(), hidden=4))


def test_a_run_goes_on_from_a_file(net, tmp_path):
    loop, xs = dp.LoopOverTime(net, dt=1.0), np.random.default_rng(0).random((20, 2), np.float32)
    whole = loop(xs)[1]
    half, _ = loop(xs[:10])
    dp.save_states(tmp_path / "state", half)
    again = dp.load_states(tmp_path / "state", loop.reset_state()).tree
    assert int(again.i) == 10
    np.testing.assert_array_equal(loop(xs[10:], again)[1], whole[10:])


def test_a_file_may_be_loaded_in_part(net, tmp_path, getkey):
    dp.save_states(tmp_path / "f", net)
    bigger = dp.Sequential(**dict(net.named_children()), d=dp.layers.Dense(1, 1, key=getkey()))
    with pytest.raises(StateDictError, match=r"missing d\.weight"):
        dp.load_states(tmp_path / "f", bigger)
    assert dp.load_states(tmp_path / "f", bigger, strict=False).missing == ["d.weight", "d.bias"]
    assert dp.load_states(tmp_path / "f", {"weight": jnp.ones((3, 2))}, strict=False, prefix="a.").unexpected == [
        "bias"
    ]


@pytest.mark.parametrize("prefix", ["hidden", "hidden.", "hidden/"])
def test_a_prefix_is_a_whole_part_of_a_path(tmp_path, getkey, prefix):
    one, two = (dp.layers.Dense(2, 2, key=getkey()) for _ in range(2))
    dp.save_states(tmp_path / "f", dp.Sequential(hidden=one, hidden2=two))
    loaded = dp.load_states(tmp_path / "f", two, prefix=prefix)
    assert loaded.whole
    np.testing.assert_array_equal(loaded.tree.weight, one.weight)
    assert dp.load_states(tmp_path / "f", jnp.zeros((2, 2)), prefix=f"{prefix.rstrip('./')}.weight").whole
    for wrong in ("hiden", "hid", "hidden.weigth"):
        with pytest.raises(CheckpointError, match=rf"no part '{wrong}'. Did you mean|Known: hidden, hidden2"):
            dp.load_states(tmp_path / "f", two, prefix=wrong, strict=False)


@pytest.mark.parametrize("prefix", ["model", "model/", "model."])
def test_the_model_is_found_in_the_file_of_a_trainer(net, tmp_path, getkey, prefix):
    trainer = dp.BPTT(net, "mse", dt=1.0, logger=None, progress_bar=False)
    trainer.save_states(tmp_path / "f")
    loaded = dp.load_states(tmp_path / "f", network(getkey()), prefix=prefix).tree
    np.testing.assert_array_equal(loaded["c"].weight, net["c"].weight)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6.0, dtype=np.float32).reshape(2, 3).T,
        np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
        jnp.asarray([1.5, -2.0], jnp.bfloat16),
        jnp.asarray(True),
        jnp.asarray(3.0),
        jnp.zeros((0, 2)),
        jnp.asarray([1 + 2j], jnp.complex64),
    ],
    ids=["transposed", "fortran", "bfloat16", "bool", "number", "empty", "complex"],
)
def test_any_array_survives_a_file(tmp_path, value):
    dp.save_states(tmp_path / "f", {"x": value})
    back = dp.load_states(tmp_path / "f", {"x": jnp.zeros_like(value)}).tree["x"]
    assert back.dtype == value.dtype
    np.testing.assert_array_equal(np.asarray(back), np.asarray(value))


def test_random_keys_survive_a_file_and_stay_keys(tmp_path):
    keys = jax.random.split(jax.random.key(3), 2)
    dp.save_states(tmp_path / "f", {"k": keys})
    back = dp.load_states(tmp_path / "f", {"k": jax.random.split(jax.random.key(0), 2)}).tree["k"]
    np.testing.assert_array_equal(jax.random.normal(back[1]), jax.random.normal(keys[1]))
    assert dp.load_state_dict({"k": keys}, {"k": back}).tree["k"].dtype == keys.dtype
    with pytest.raises(StateDictError, match="k is"):
        dp.load_states(tmp_path / "f", {"k": jax.random.key(0)})


def test_what_is_no_such_file_is_told_apart(net, tmp_path):
    with pytest.raises(CheckpointError, match="There is no file"):
        dp.load_states(tmp_path / "none", net)
    (tmp_path / "cut").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(CheckpointError, match="damaged, or not a safetensors file"):
        dp.load_states(tmp_path / "cut", net)
    arrays = {p: np.asarray(a) for p, a in dp.state_dict(net).items()}
    save_file(arrays, tmp_path / "newer", {"format": "dynplug-states", "version": "3"})
    with pytest.raises(CheckpointError, match="version 3; this dynplug reads 2"):
        dp.load_states(tmp_path / "newer", net)
    save_file(arrays, tmp_path / "older", {"format": "dynplug-states", "version": "1"})
    assert dp.load_states(tmp_path / "older", net).whole
    save_file(arrays, tmp_path / "foreign", {"about": json.dumps("made elsewhere")})
    assert dp.load_states(tmp_path / "foreign", net).missing == []


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(net, tmp_path, monkeypatch):
    path = tmp_path / "f"
    dp.save_states(path, net)
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "no space left on device")))
    with pytest.raises(CheckpointError, match=r"no space left on device.*is as it was"):
        dp.save_states(path, network(jax.random.key(9)))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("arrays", [[1, 2], "model.safetensors", None])
def test_what_is_no_dictionary_of_arrays_is_refused(arrays):
    with pytest.raises(CheckpointError, match="takes a dictionary of arrays by path"):
        inspect.unwrap(dp.load_state_dict)(dp.neurons.LIF(3), arrays)


def test_traced_arrays_are_loaded_inside_a_traced_function(net):
    arrays = dp.state_dict(net)

    @jax.jit
    def doubled(arrays):
        return dp.state_dict(dp.load_state_dict(net, {name: 2.0 * a for name, a in arrays.items()}).tree)

    for name, array in doubled(arrays).items():
        np.testing.assert_array_equal(array, 2.0 * arrays[name])

    def wrong(a):
        return dp.load_state_dict(net, {**arrays, "a.bias": a}, cast=True).tree["a"].bias

    with pytest.raises(StateDictError, match=r"a.bias is float32\[2\], not float32"):
        jax.jit(wrong)(jnp.ones(2))
    half = jax.jit(wrong)(arrays["a.bias"].astype(jnp.float16))
    assert half.dtype == jnp.float32
    slope = jax.grad(lambda a: wrong(a).sum())(arrays["a.bias"])
    np.testing.assert_array_equal(slope, 1.0)


@pytest.mark.parametrize("value", ["a", ["a", "b"], None, np.array(["a", "b"])])
def test_what_is_no_array_of_numbers_is_refused_by_path(getkey, value):
    layer = dp.layers.Dense(2, 2, key=getkey())
    with pytest.raises(CheckpointError, match="takes an array of numbers for 'bias'"):
        dp.load_state_dict(layer, dp.state_dict(layer) | {"bias": value})


@pytest.mark.parametrize("dtype", [jnp.float8_e4m3fn, jnp.int4])
def test_a_dtype_that_no_file_holds_is_named(tmp_path, dtype):
    with pytest.raises(CheckpointError, match=f"a is of dtype {jnp.dtype(dtype).name}, which no file holds"):
        dp.save_states(tmp_path / "f", {"a": jnp.ones(2, dtype)})

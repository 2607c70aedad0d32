"""Connections by sending unit: order, duplicates, types of indices, and what is refused."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug.delivery.fanout as fanout_module
from dynplug.delivery import Fanout
from dynplug.errors import ParameterError, ShapeError

pytestmark = pytest.mark.quick


@st.composite
def pairs(draw):
    sizes = draw(st.sampled_from([(1, 1), (4, 9), (9, 2)]))  # each of another shape is compiled
    count = draw(st.sampled_from([0, 1, 7, 30]))
    units = [draw(st.lists(st.integers(0, n - 1), min_size=count, max_size=count)) for n in sizes]
    return *units, *sizes


@settings(deadline=None)
@given(pairs())
def test_connections_are_sorted_by_the_sender_and_otherwise_keep_their_order(given):
    pre, post, pre_size, post_size = given
    fanout, order = Fanout.of(*given)
    expected = sorted(range(len(pre)), key=lambda k: pre[k])  # Python's sort is stable
    assert order.tolist() == expected
    assert fanout.post.tolist() == [post[k] for k in expected]
    assert fanout.pre.tolist() == [pre[k] for k in expected]
    assert fanout.start.tolist() == [sum(j < unit for j in pre) for unit in range(pre_size + 1)]
    assert (len(fanout), fanout.pre_size, fanout.post_size) == (len(pre), pre_size, post_size)


@settings(deadline=None)
@given(pairs())
def test_connections_by_receiver_are_the_same_ones(given):
    pre, post, pre_size, _ = given
    fanout, order = Fanout.of(*given, by_receiver=True)
    for unit, (senders, connections) in enumerate(zip(fanout.fanin.pre, fanout.fanin.connection, strict=True)):
        mine = [k for k in range(len(pre)) if post[order[k]] == unit]
        padding = [len(pre)] * (connections.size - len(mine))
        assert connections.tolist() == mine + padding
        assert senders.tolist() == [pre[order[k]] for k in mine] + [pre_size for _ in padding]


def test_rows_of_inputs_are_made_where_they_are_used(monkeypatch):
    assert Fanout.of([0], [0], 1, 1)[0].fanin is None
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert Fanout.of([0], [0], 1, 1)[0].fanin is not None
    assert Fanout.of([0], [0], 1, 1, by_receiver=False)[0].fanin is None


def test_an_index_takes_four_bytes(case):
    assert case.fanout.start.dtype == case.fanout.post.dtype == np.int32


def test_more_connections_than_int32_numbers_need_int64(x64, monkeypatch):
    monkeypatch.setattr(fanout_module, "_INT32", 2)
    fanout, _ = Fanout.of([0, 1, 0], [0, 0, 1], 2, 2)
    assert fanout.start.dtype == np.int64
    assert fanout.post.dtype == np.int32
    monkeypatch.setattr(fanout_module, "_INT32", 3)
    assert Fanout.of([0, 1, 0], [0, 0, 1], 2, 2)[0].start.dtype == np.int32


def test_more_connections_than_can_be_numbered_are_refused(monkeypatch):
    monkeypatch.setattr(fanout_module, "_INT32", 2)
    with pytest.raises(ParameterError, match=r"3 connections cannot be numbered by int32.*jax_enable_x64"):
        Fanout.of([0, 1, 0], [0, 0, 1], 2, 2)


@pytest.mark.parametrize(
    ("pre", "post", "sizes", "error", "message"),
    [
        ([0, 1], [0], (2, 2), ShapeError, "pre has 2 indices, but post has 1"),
        ([0, 2], [0, 0], (2, 2), ShapeError, "pre has indices from 0 to 2, for 2 units"),
        ([0, 1], [-1, 0], (2, 2), ShapeError, "post has indices from -1 to 0, for 2 units"),
        ([0.0, 1.0], [0, 0], (2, 2), ParameterError, "pre must be a list of the indices of units, but is float64"),
        ([True, False], [0, 0], (2, 2), ParameterError, "pre must be a list of the indices of units, but is bool"),
        ([[0, 1]], [0, 0], (2, 2), ParameterError, r"pre must be a list of the indices of units, but is int64\[1, 2\]"),
        ([0], [0], (0, 2), ParameterError, "pre_size=0 must be a whole number, 1 or more"),
        ([0], [0], (2, -1), ParameterError, "post_size=-1 must be a whole number, 1 or more"),
    ],
)
def test_what_are_no_pairs_is_refused(pre, post, sizes, error, message):
    with pytest.raises(error, match=message):
        Fanout.of(pre, post, *sizes)

"""Fixtures for the tests of delivery: connections, and the sum written in NumPy."""

import numpy as np
import pytest

from dynplug.delivery import Fanout


class Case:
    """Random pairs with duplicates, units without connections, and connections of units with themselves."""

    def __init__(self, pre_size, post_size, connections, seed=0):
        self.rng = np.random.default_rng(seed)
        self.pre_size, self.post_size = pre_size, post_size
        self.pre = self.rng.integers(0, max(1, pre_size - 2), connections)  # the last units send nothing
        self.post = self.rng.integers(0, post_size, connections)
        self.fanout, self.order = Fanout.of(self.pre, self.post, pre_size, post_size, by_receiver=True)
        self.weight = self.rng.normal(size=connections)  # in the order of the pairs

    def spikes(self, share=0.3, shape=()):
        return (self.rng.random((*shape, self.pre_size)) < share).astype(float)

    def expected(self, x, weight=None):
        """The sum in the order of the pairs, as it is defined."""
        y = np.zeros(self.post_size)
        np.add.at(y, self.post, (self.weight if weight is None else weight) * np.asarray(x)[self.pre])
        return y


@pytest.fixture
def case(request):
    """Of 70 with 40 units, unless a test asks for other sizes."""
    return Case(*getattr(request, "param", (70, 40, 300)))

"""Data of every form give the same training."""

import itertools
import warnings

import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DataError, DataWarning


class Tensor:
    """Stands in for a tensor of another library: it becomes an array, and has methods of its own."""

    def __init__(self, array):
        self._array = np.asarray(array)

    def __array__(self, dtype=None, copy=None):
        return self._array if dtype is None else self._array.astype(dtype)

    @property
    def shape(self):
        return self._array.shape


class Loader:
    """Stands in for a PyTorch DataLoader: lists of tensors, a length, no order but its own."""

    def __init__(self, x, y, size):
        self.x, self.y, self.size, self.passes = x, y, size, 0

    def __len__(self):
        return -(-len(self.x) // self.size)

    def __iter__(self):
        self.passes += 1
        for first in range(0, len(self.x), self.size):
            part = slice(first, first + self.size)
            yield [Tensor(self.x[part]), Tensor(self.y[part])]


class Endless:
    """Stands in for a grain loader: an iterator with a state, and no length; cut to one pass."""

    def __init__(self, x, y, size):
        self.batches = [(x[n : n + size], y[n : n + size]) for n in range(0, len(x), size)]

    def __iter__(self):
        return itertools.islice(itertools.cycle(self.batches), len(self.batches))


@pytest.fixture
def plain(trainer, data):
    """Two epochs of arrays in their order, in batches of 8, 8 and 4."""
    t = trainer(shuffle_data=False)
    t.fit(data, data, num_epoch=2, batch_size=8)
    return t


FORMS = {
    "a loader": lambda x, y: Loader(x, y, 8),
    "an endless loader": lambda x, y: Endless(x, y, 8),
    "a list": lambda x, y: [(x[n : n + 8], y[n : n + 8]) for n in (0, 8, 16)],
    "a function of no argument": lambda x, y: lambda: Loader(x, y, 8),
    "a function of the epoch": lambda x, y: lambda epoch: ((x[n : n + 8], y[n : n + 8]) for n in (0, 8, 16)),
}


@pytest.mark.parametrize("form", FORMS)
def test_batches_of_ones_own_are_those_of_arrays(trainer, data, plain, assert_alike, form):
    made = FORMS[form](*data)
    t = trainer()
    t.fit(made, made, num_epoch=2)
    assert_alike(t.target, plain.target)
    for phase in ("fit", "test"):
        np.testing.assert_allclose(
            t.get_hist_metric(phase, which="detailed"), plain.get_hist_metric(phase, which="detailed"), rtol=1e-5
        )


def test_a_function_may_return_arrays_and_hears_the_epoch(trainer, data, assert_same):
    x, y = data
    epochs = []

    def epoch_data(epoch):
        epochs.append(epoch)
        return x[epoch:], y[epoch:]

    t = trainer(shuffle_data=False)
    t.fit(epoch_data, num_epoch=2, batch_size=8)
    t.fit(epoch_data, num_epoch=1, batch_size=8)
    assert epochs == [1, 2, 3]
    reference = trainer(shuffle_data=False)
    for n in (1, 2, 3):
        reference.fit((x[n:], y[n:]), num_epoch=1, batch_size=8)
    assert_same(t.target, reference.target)


def test_a_loader_is_gone_through_once_an_epoch(trainer, data):
    loader = Loader(*data, 8)
    trainer().fit(loader, num_epoch=3)
    assert loader.passes == 3


def test_pytrees_of_inputs_and_targets_go_through(trainer, data):
    import dynplug as dp

    x, y = data

    def loss(predicts, targets):
        return ((predicts - targets["goal"][:, None, None]) ** 2).mean()

    net = dp.Lift(lambda x: x["a"] + x["b"]) >> dp.layers.Dense(3, 1, W_initializer=1.0)
    losses = []
    for inputs in ({"a": x, "b": 0 * x}, {"a": 0 * x, "b": x}):
        t = trainer(net, loss)
        t.fit((inputs, {"goal": y.astype(np.float32)}), num_epoch=1, batch_size=8)
        losses.append(t.get_hist_metric(which="detailed"))
    np.testing.assert_array_equal(*losses)


def test_targets_may_be_tensors_of_another_library(trainer, data, plain, assert_same):
    t = trainer(shuffle_data=False)
    t.fit((Tensor(data[0]), Tensor(data[1])), num_epoch=2, batch_size=8)
    assert_same(t.target, plain.target)


def test_torch_if_it_is_there(trainer, data, plain, assert_same):
    torch = pytest.importorskip("torch")
    tensors = torch.utils.data.TensorDataset(*map(torch.from_numpy, data))
    t = trainer()
    t.fit(torch.utils.data.DataLoader(tensors, batch_size=8), num_epoch=2)
    assert_same(t.target, plain.target)


def test_an_iterator_that_is_used_up_is_an_error(trainer, data):
    t = trainer()
    with pytest.raises(DataError, match=r"train_data gave no batch in epoch 2. An iterator is gone through once"):
        t.fit(iter(Loader(*data, 8)), num_epoch=2)
    assert t.epoch == 1
    with pytest.raises(DataError, match=r"test_data gave no batch in epoch 2"):
        t.fit(data, [], num_epoch=1)


def test_what_a_loader_does_itself_is_not_asked_for_twice(trainer, data):
    with pytest.raises(DataError, match=r"train_data gives its own batches: leave out batch_size=8"):
        trainer().fit(Loader(*data, 8), num_epoch=1, batch_size=8)
    with pytest.raises(DataError, match=r"leave out shuffle_data=True"):
        trainer(shuffle_data=True).fit(Loader(*data, 8), num_epoch=1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.zeros((20, 6, 3)), "as a tuple"),
        (3, "got int"),
        (lambda: lambda: None, "the function returned another function"),
        (
            [np.zeros((4, 6, 3))],
            r"train_data, batch 1: give a pair \(x, y\) of arrays; got ndarray of shape \(4, 6, 3\)",
        ),
        ([(np.zeros((4, 6, 3)), np.zeros(3))], r"train_data, batch 1: with data_first_axis='B', x of shape"),
        ((np.zeros((4, 6, 3)),), "give a pair"),
        ({"x": 1}, "as a tuple; .* got dict"),
        ("digits.npz", "as a tuple; .* got str"),
    ],
)
def test_what_is_no_data_is_named(trainer, wrong, said):
    with pytest.raises(DataError, match=said):
        trainer().fit(wrong, num_epoch=1)


def test_batches_are_counted_on_the_progress_bar(trainer, data, monkeypatch):
    import dynplug.train.fit.fitting as module

    made = []

    class Bar:
        disable = True

        def __init__(self, **options):
            made.append({**options, "done": options["initial"]})

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def update(self, count):
            made[-1]["done"] += count

        def set_postfix_str(self, text, refresh):
            pass

    monkeypatch.setattr(module, "tqdm", Bar)
    for source, total in ((data, 3), (Endless(*data, 8), None)):
        trainer(progress_bar=True).fit(source, num_epoch=1, batch_size=8 if source is data else None)
        assert (made[-1]["total"], made[-1]["done"], made[-1]["disable"]) == (total, 3, None)
    trainer(progress_bar=False, truncate=2).fit(data, num_epoch=1, batch_size=8)
    assert (made[-1]["total"], made[-1]["done"], made[-1]["disable"]) == (3, 3, True)


class Shuffling:
    """Stands in for a data loader with `shuffle=True`: another order in each pass."""

    def __init__(self, x, y, seed=0):
        self.x, self.y, self.rng = x, y, np.random.default_rng(seed)

    def __iter__(self):
        order = self.rng.permutation(len(self.x))
        for rows in np.array_split(order, 5):
            yield self.x[rows], self.y[rows]


class Kill:
    @dp.api.hookimpl
    def dynplug_after_step(self, epoch, step):
        if (epoch, step) == (2, 4):
            raise KeyboardInterrupt


RESUMED = {
    "a loader that shuffles": (lambda data: Shuffling(*data), False),
    "batches in another order": (lambda data: BATCHES.permuted(*data), False),
    "a loader made in each epoch": (lambda data: lambda: Shuffling(*data), True),
    "a function of the epoch": (lambda data: lambda epoch: Shuffling(*data, seed=epoch), True),
    "arrays": (lambda data: data, True),
    "fewer batches": (lambda data: FEWER.next(*data), False),
}


class Later:
    """Gives something else once it was asked three times: in the process that goes on."""

    def __init__(self, change):
        self.asked, self.change = 0, change

    def _batches(self, x, y):
        self.asked += 1
        batches = list(Loader(x, y, 4))
        return batches if self.asked % 2 else self.change(batches)

    permuted = next = _batches


BATCHES, FEWER = Later(lambda batches: [batches[1], batches[0], *batches[2:]]), Later(lambda batches: batches[:2])


@pytest.mark.parametrize("name", RESUMED)
def test_batches_that_are_others_when_an_epoch_is_gone_on_with_are_noticed(trainer, data, tmp_path, name):
    make, same = RESUMED[name]
    options = {"batch_size": 4} if name == "arrays" else {}
    first = trainer(observers=[Kill()])
    with pytest.raises(KeyboardInterrupt):
        first.fit(make(data), num_epoch=2, save_to=tmp_path / "f", checkpoint_every=1, **options)
    again = trainer()
    again.load_states(tmp_path / "f")
    assert (again.epoch, again.steps) == (1, 8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        again.fit(make(data), num_epoch=1, **options)
    told = [str(w.message) for w in caught if issubclass(w.category, DataWarning)]
    assert (again.epoch, len(told)) == (2, 0 if same else 1)
    if not same:
        assert "the first 3 batches of the training data are not those" in told[0]
        assert "lambda epoch: loader(seed=epoch)" in told[0]


def test_other_data_or_another_batch_size_are_noticed_within_an_epoch(trainer, data, tmp_path):
    first = trainer(observers=[Kill()])
    with pytest.raises(KeyboardInterrupt):
        first.fit(data, num_epoch=2, batch_size=4, save_to=tmp_path / "f", checkpoint_every=3)
    for other in ((data, 5), ((data[0], 1 - data[1]), 4), ((1 - data[0], data[1]), 4)):
        again = trainer()
        again.load_states(tmp_path / "f")
        with pytest.warns(DataWarning, match="same data and batch size as before"):
            again.fit(other[0], num_epoch=1, batch_size=other[1])
        again.fit(other[0], num_epoch=1, batch_size=other[1])  # a whole epoch has nothing to be compared with

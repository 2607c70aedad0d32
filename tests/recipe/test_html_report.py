"""The page about a training: what it says is what was measured, and it can be read wherever it is opened."""

import re
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.plugin import registry
from dynplug.recipe.report import PICTURES, REPORT, Reported, arrays_of, write_report
from dynplug.recipe.report.answering import answers_of
from dynplug.recipe.report.html_parts import counts_table, facts, page, table
from dynplug.recipe.report.layer_activity import layer_activity
from dynplug.recipe.report.learned_parameters import in_short
from dynplug.recipe.report.made_with import command_line, in_units
from dynplug.train import History, Reportable
from dynplug.train.fit import BestEpoch
from dynplug.train.toolkit import layout_of

VOID = ("meta",)
RNG = np.random.default_rng(0)


class Page(HTMLParser):
    """Checks that tags are closed, and collects what is in tables, figures and headings."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.rows, self.headings, self.figures, self.sizes = [], [], [], [], [], []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "svg":
            self.figures.append(attrs["aria-label"])
            self._scale = 350 / float(attrs["viewbox"].split()[2])  # the width of a figure in the page's style
        if tag == "text":
            self.sizes.append(float(re.search(r"font-size: ([\d.]+)px", attrs["style"])[1]) * self._scale)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)

    def row(self, first):
        return next(row for row in self.rows if row[0] == first)


class Spikes(eqx.Module):
    spike: jax.Array


class Threshold(dp.DynamicalSystem):
    """Spikes where its input is above one half: its rates are known beforehand. It gives its input back."""

    weight: jax.Array

    def init_state(self, ctx):
        return Spikes(jnp.zeros(self.weight.shape[-1], ctx.dtype))

    def update(self, state, x, ctx):
        return Spikes((x > 0.5).astype(x.dtype)), x


class Planted:
    """A trainer that has measured, and answers, what it is told to."""

    loss_fun, metrics, dt, t0, best, writes = "mse", (), 0.5, 0.0, None, True
    layout, seed, steps = layout_of("B"), 0, 0

    @property
    def average(self):
        return self.target

    def __init__(self, answer=lambda x: x, units=3, **options):
        self.target, self.history, self.epoch = Threshold(jnp.zeros((2, units))), History(), 0
        self.answer = answer
        vars(self).update(options)

    def measured(self, **phases):
        """Epochs, by phase and metric."""
        count = max((len(values) for of in phases.values() for values in of.values()), default=0)
        for n in range(count):
            for phase, of in phases.items():
                self.history.record(phase, [1], {name: [values[n]] for name, values in of.items()})
        self.epoch = count
        return self

    def predict(self, inputs):
        return self.answer(inputs)


def written(folder, reported):
    """The page of a training, and what was said."""
    said = []
    write_report(folder, reported, said.append)
    text = (folder / REPORT).read_text(encoding="utf-8")
    return Page(text), text, said


X = RNG.random((8, 6, 3), np.float32)
Y = np.arange(8) % 2


@pytest.fixture(scope="module")
def trained():
    """A spiking network that was trained for three epochs, and what it was before."""
    k1, k2 = jax.random.split(jax.random.key(0))
    model = dp.Sequential(
        a=dp.layers.Dense(3, 30, key=k1),
        hidden=dp.neurons.LIF(30, tau=jnp.full(30, 9.0), R=60.0),
        b=dp.layers.Dense(30, 2, key=k2),
    )
    t = dp.BPTT(model, "cross_entropy", metrics=["accuracy"], dt=0.5, logger=None, progress_bar=False)
    t.fit((X, Y), test_data=(X, Y), num_epoch=3)
    lines = [{"epoch": 1, "seconds": 60.0}, {"epoch": 1, "seconds": 2.0}, {"epoch": 2, "seconds": 0.5}]
    text = "seed = 4\n[model]\n"
    return Reported(
        "a task", t, (X[:5], Y[:5]), (X, Y), text, {"batch_size": 4}, arrays_of(model), lines, command="dynplug train x"
    )


@pytest.fixture(scope="module")
def told(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    found, text, said = written(folder, trained)
    assert said == []
    return SimpleNamespace(page=found, text=text, folder=folder)


def test_the_page_has_all_its_parts_in_order(told):
    assert told.page.headings == [
        "a task",
        "Results",
        "Learning",
        "Classification of the test data",
        "The first sample of the test data",
        "Spike rates",
        "Parameters",
        "How it was made",
        "Configuration",
        "Versions",
    ]
    assert "seed = 4\n[model]\n" in told.page.text


def test_it_needs_no_other_file_no_network_and_no_script(told):
    assert {path.name for path in told.folder.iterdir()} == {REPORT, *PICTURES}
    links = [v for _, attrs in told.page.elements for name, v in attrs.items() if name in ("src", "href", "xlink:href")]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not {tag for tag, _ in told.page.elements} & {"script", "link", "iframe", "img"}
    assert not re.search(r"@import|url\((?!#)", told.text)
    ids = [attrs["id"] for _, attrs in told.page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_the_page_fits_a_phone_has_a_dark_form_and_is_printed(told):
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in told.page.elements
    assert "prefers-color-scheme: dark" in told.text
    assert "@media print" in told.text
    tables = [n for n, (tag, _) in enumerate(told.page.elements) if tag == "table"]
    assert all(told.page.elements[n - 1][1].get("class") == "wide" for n in tables)  # which scrolls by itself


def test_labels_of_all_figures_have_one_size_that_can_be_read(told):
    assert "figure { margin: 0; width: 350px; max-width: 100% }" in told.text  # a page of 390 pixels leaves 358
    assert len(told.page.sizes) > 50
    assert told.page.sizes == pytest.approx([told.page.sizes[0]] * len(told.page.sizes))
    assert told.page.sizes[0] >= 11.0


def test_each_figure_says_what_it_shows(told):
    names = [label.partition(":")[0] for label in told.page.figures]
    assert names == ["loss", "accuracy", "input", "hidden", "output", "a.weight", "a.bias", "b.weight"]
    assert all(len(label.partition(":")[2]) > 10 for label in told.page.figures)


def test_cells_that_head_rows_and_columns_say_so(told):
    scopes = [attrs.get("scope") for tag, attrs in told.page.elements if tag == "th"]
    assert set(scopes) == {"row", "col"}
    assert len([tag for tag, _ in told.page.elements if tag == "tr"]) - scopes.count("row") == 5  # heads of tables


def test_results_are_what_was_measured_in_the_last_and_the_best_epoch(told, trained):
    history = trained.runner.history
    best = 1 + int(np.argmax(history.metric("test", "accuracy")))
    for phase, said in (("fit", "training"), ("test", "test")):
        for metric in ("loss", "accuracy"):
            values = history.metric(phase, metric)
            shown = [f"{values[n - 1]:.6g}" for n in dict.fromkeys((3, best))]
            assert told.page.row(f"{said} {metric}")[1:] == shown
    value = history.metric("test", "accuracy")[best - 1]
    assert f"The best epoch is the one with the greatest test accuracy, {value:.6g}." in told.page.text


def test_the_summary_names_the_result(told, trained):
    right = int(np.sum(trained.runner.predict(X).mean(1).argmax(-1) == Y))
    last = trained.runner.history.metric("test", "accuracy")[-1]
    assert f"BPTT trained {3 * 30 + 30 + 30 * 2 + 2} parameters on 5 samples for 3 epochs, in 1 min 2 s." in told.text
    assert f"accuracy is {last:.4g} after the last epoch" in told.text
    assert f"The model classifies {right} of 8 test samples correctly." in told.text
    assert right / 8 == pytest.approx(last)


def test_parameters_are_told_before_and_after(told, trained):
    def short(a):
        return f"{a.mean():.3g} ± {a.std():.3g}"

    before, after = trained.before["a.weight"], np.asarray(trained.runner.target["a"].weight)
    assert told.page.row("a.weight") == ["a.weight", "float32", "30 × 3", "90", short(before), short(after), "yes"]
    assert told.page.row("hidden.tau")[3:] == ["30", "9", "9", "no"]
    assert told.page.row("all")[3] == str(sum(a.size for a in trained.before.values()))


def test_circumstances_are_told(told):
    assert told.page.row("command")[1] == "dynplug train x"
    assert told.page.row("samples")[1] == "5 training, 8 test"
    assert told.page.row("batch size")[1] == "4"
    assert told.page.row("seed")[1] == "0"
    assert told.page.row("steps")[1] == "3"
    assert told.page.row("model")[1] == "a Dense, hidden LIF, b Dense"
    assert told.page.row("trained by")[1] == "BPTT, cross_entropy, steps of 0.5 ms"
    assert told.page.row("device")[1].startswith(jax.devices()[0].platform)
    duration = (
        "1 min 2 s of training and testing: 1 min 2 s for the first epoch, with compilation, and 0.5 s for a later one"
    )
    assert told.page.row("duration")[1] == duration
    assert told.page.row("dynplug")[1] == dp.__version__
    assert told.page.row("jax")[1] == jax.__version__
    assert registry().digest() in told.page.text


def test_the_pictures_in_the_folder_are_what_the_page_shows(told):
    for name in PICTURES:
        assert (told.folder / name).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_best_epoch_is_that_of_keep_best_or_else_by_the_first_metric():
    t = Planted().measured(test={"loss": [3.0, 1.0, 2.0], "accuracy": [0.5, 0.6, 0.9]}, fit={"loss": [9.0, 8.0, 7.0]})
    assert Reported("t", t, None).best == BestEpoch("test/accuracy", "max", 0.9, 3)
    t.best = BestEpoch("test/loss", "min", 1.0, 2)
    assert Reported("t", t, None).best == t.best
    odd = Planted().measured(test={"oddness": [1.0, 2.0], "loss": [np.nan, 5.0]}, fit={"loss": [1.0, 2.0]})
    assert Reported("t", odd, None).best == BestEpoch("test/loss", "min", 5.0, 2)
    untested = Planted().measured(fit={"loss": [2.0, 1.0]})
    assert Reported("t", untested, None).best == BestEpoch("fit/loss", "min", 1.0, 2)
    assert Reported("t", Planted(), None).best is None


def test_rates_of_layers_that_were_tracked_are_one_figure_in_hertz(tmp_path):
    rates = {"spike_rate/first": [0.01, 0.02], "spike_rate/second": [0.03, 0.005]}
    tracked = Planted().measured(fit={"loss": [2.0, 1.0]}, test={"loss": [2.0, 1.0], **rates})
    found, text, _ = written(tmp_path, Reported("t", tracked, (X, X), (X, X)))
    (about,) = (one for one in found.figures if one.startswith("spike rates"))
    assert about == "spike rates: mean rate of each layer by epoch, in the end first 20, second 5 Hz."
    assert "rate [Hz]" in text
    assert not any(one.startswith("spike_rate") for one in found.figures)
    assert not any("spike_rate" in name for name, *_ in found.rows)  # they are in a figure, in Hz


def test_the_page_says_of_which_epoch_the_model_is(tmp_path):
    t = Planted().measured(test={"loss": [3.0, 1.0, 2.0]})
    assert Reported("t", t, None).epoch_of_model == 3
    t.best = BestEpoch("test/loss", "min", 1.0, 2)
    assert Reported("t", t, None).epoch_of_model == 3
    t.best = BestEpoch("test/loss", "min", 1.0, 2, restores=True)
    restored = Reported("t", t, (X, X), (X, X), ended="It was stopped.")
    found, _, _ = written(tmp_path, restored)
    assert "The model in the run folder, which is the one shown below, is that of epoch 2." in found.text
    assert "It was stopped." in found.text
    assert "of the model of epoch 2." in found.text


def test_the_confusion_matrix_is_that_of_the_last_steps_that_count(tmp_path):
    scores = RNG.normal(size=(40, 6, 3)).astype(np.float32)
    y, lengths = RNG.integers(0, 3, 40), RNG.integers(1, 7, 40)
    t = Planted(lambda x: x, loss_fun={"type": "cross_entropy", "reduce_time": "last"})
    by_hand = np.zeros((3, 3))
    for true, answer in zip(y, scores[np.arange(40), lengths - 1].argmax(-1), strict=True):
        by_hand[true, answer] += 1
    reported = Reported("t", t, (scores, y), (scores, y, lengths))
    answers = answers_of(reported)
    np.testing.assert_array_equal(answers.counts, by_hand)
    assert answers.first == (y[0], scores[0, lengths[0] - 1].argmax())
    found, _, _ = written(tmp_path, reported)
    rows = [row for row in found.rows if row[0] in "012" and len(row) == 5]
    np.testing.assert_array_equal([[float(n) for n in row[1:4]] for row in rows], by_hand)
    share = by_hand[0, 0] / by_hand[0].sum()
    assert rows[0][4] == f"{100 * share:.3g} %"
    assert any(f"3 classes: {answers.first[0]} is true, {answers.first[1]} the answer." in one for one in found.figures)


def test_a_metric_says_how_classes_are_read_before_the_loss_does():
    scores = np.zeros((1, 2, 2), np.float32)
    scores[0] = [[5.0, 0.0], [0.0, 1.0]]  # the mean says 0, the last step 1
    for options, answer in (({}, 0), ({"metrics": [{"type": "accuracy", "reduce_time": "last"}]}, 1)):
        t = Planted(loss_fun="cross_entropy", **options)
        assert answers_of(Reported("t", t, (scores, np.array([1])))).first == (1, answer)


def test_targets_of_each_step_are_counted_and_those_of_a_regression_are_not():
    scores, y = RNG.normal(size=(4, 6, 3)).astype(np.float32), RNG.integers(0, 3, (4, 6))
    answers = answers_of(Reported("t", Planted(loss_fun="cross_entropy"), (scores, y)))
    assert answers.counts.sum() == 24
    assert answers.first is None
    assert answers_of(Reported("t", Planted(), (scores, scores))).counts is None


def test_of_many_classes_those_are_listed_that_are_confused_most(tmp_path):
    y = np.repeat(np.arange(40), 3)
    scores = np.eye(40, dtype=np.float32)[y][:, None]
    scores[6:8] = np.eye(40, dtype=np.float32)[[[9], [9]]]  # two of class 2
    scores[0] = np.eye(40, dtype=np.float32)[[5]]
    found, _, _ = written(tmp_path, Reported("t", Planted(loss_fun="cross_entropy", units=40), (scores, y)))
    at = found.rows.index(["true class", "answer", "samples", "of this class"])
    assert found.rows[at + 1 : at + 3] == [["2", "9", "2", "3"], ["0", "5", "1", "3"]]
    assert len(found.rows[at + 3]) != 4
    assert "The 2 most frequent confusions of 40 classes: 120 samples in all" in found.text


def test_spike_rates_are_those_of_the_steps_that_count():
    lengths = np.array([6, 2, 3, 6, 1, 5, 4, 6])
    reported = Reported("t", Planted(), (X, X, lengths))
    ((layer,), count) = layer_activity(reported)
    valid = np.arange(6)[None] < lengths[:, None]
    rates = ((X > 0.5) & valid[..., None]).sum((0, 1)) / (valid.sum() * 0.5e-3)
    np.testing.assert_allclose(layer.rates, rates, rtol=1e-6)
    assert count == 8
    second = Reported("t", Planted(), (X[4:], X[4:], lengths[4:]))
    np.testing.assert_array_equal(layer_activity(second)[0][0].spikes, X[4, :1] > 0.5)


def test_spike_rates_are_in_the_page_by_layer(tmp_path):
    x = X.copy()
    x[..., 1] = 0.0
    found, _, _ = written(tmp_path, Reported("t", Planted(), (x, x)))
    rates = (x > 0.5).mean((0, 1)) / 0.5e-3
    shown = [f"{n:.4g}" for n in (rates.mean(), np.median(rates), rates.max())]
    assert found.row("the model") == ["the model", "3", *shown, f"{100 / 3:.3g} %"]
    assert "Means over the first 8 samples of the training data" in found.text


@pytest.mark.parametrize("axis", ["B", "T"])
def test_samples_and_time_are_where_the_trainer_has_them(axis):
    x = X if axis == "B" else X.swapaxes(0, 1)
    reported = Reported("t", Planted(layout=layout_of(axis)), (x, x))
    assert reported.samples("fit") == 8
    np.testing.assert_array_equal(layer_activity(reported)[0][0].spikes, X[0] > 0.5)
    np.testing.assert_array_equal(answers_of(reported).outputs, X)


def test_lists_of_sequences_are_read_too(tmp_path):
    x = [X[0], X[1, :3], X[2, :5]]
    found, _, _ = written(tmp_path, Reported("t", Planted(), (x, x)))
    assert found.row("samples")[1] == "3 training"
    assert any("3 inputs over 6 steps" in label for label in found.figures)
    assert any("3 units over 6 steps, with their targets" in label for label in found.figures)


def test_a_trainer_without_time_has_a_page(tmp_path):
    x, y = X[:, 0], X[:, 0, :1]
    t = dp.BPFF(dp.layers.Dense(3, 1, key=jax.random.key(0)), "mse", logger=None, progress_bar=False)
    t.fit((x, y), num_epoch=1)
    found, _, _ = written(tmp_path, Reported("t", t, (x, y)))
    assert found.row("samples")[1] == "8 training"
    assert found.headings == ["t", "Results", "Learning", "Parameters", "How it was made", "Versions"]


@pytest.mark.parametrize("data", [None, [(X, X)], {"x": X}])
def test_data_in_a_form_of_their_own_leave_out_what_needs_them(data, tmp_path):
    found, _, _ = written(tmp_path, Reported("t", Planted().measured(fit={"loss": [1.0]}), data))
    assert not any(row[0] == "samples" for row in found.rows)
    assert found.row("training loss") == ["training loss", "1"]


def test_without_an_epoch_there_is_a_page(tmp_path):
    found, _, _ = written(tmp_path, Reported("t", Planted(), (X, X), ended="The training ended with an error."))
    assert "No epoch was finished, so that nothing was measured." in found.text
    assert "The training ended with an error." in found.text
    assert "for less than an epoch." in found.text


def test_values_that_are_not_finite_are_told(tmp_path):
    t = Planted(lambda x: x * np.nan, loss_fun="cross_entropy")
    t.measured(fit={"loss": [1.0, np.nan]}, test={"loss": [np.inf, np.nan]})
    t.target = Threshold(jnp.full((2, 3), jnp.nan))
    found, _, _ = written(tmp_path, Reported("t", t, (X, np.arange(8) % 3)))
    assert found.row("test loss") == ["test loss", "nan", "inf"]
    assert "Some scores are not finite" in found.text
    assert "classifies" not in found.text


def test_one_class_and_one_epoch_have_a_page(tmp_path):
    t = Planted(lambda x: x[..., :1], loss_fun="cross_entropy").measured(fit={"loss": [0.0]})
    found, _, _ = written(tmp_path, Reported("t", t, (X, np.zeros(8, int))))
    assert found.row("0") == ["0", "8", "100 %"]
    assert found.row("training loss") == ["training loss", "0"]
    assert "epoch 1 (last and best)" in found.text


def test_whatever_users_write_is_shown_not_run(tmp_path):
    bad = "</pre><img src=x onerror=alert(2)>"
    t = Planted().measured(fit={"loss": [1.0], bad: [2.0]})
    found, _, _ = written(
        tmp_path, Reported("<script>alert(1)</script>", t, (X, X), config=bad, ended=bad, command=bad)
    )
    assert "<script>alert(1)</script>" in found.text
    assert found.text.count(bad) >= 4
    assert not {tag for tag, _ in found.elements} & {"script", "img"}
    assert Page(table(["<b>"], [["&lt;", '"']], caption="<i>")).rows == [["<b>"], ["&lt;", '"']]
    assert Page(page("{braces} & <tags>", ["<p>"], {"<i>": "", "<u>": "<p>x</p>"})).text.count("<u>") == 1


def test_long_names_are_cut_along_axes_and_whole_elsewhere(tmp_path):
    name = "a_name_that_somebody_gave_to_a_metric_without_thinking_of_figures" * 2
    found, text, _ = written(tmp_path, Reported("t", Planted().measured(fit={"loss": [1.0], name: [2.0]}), (X, X)))
    assert found.row(f"training {name}")[1] == "2"
    assert f">{name[:25]}...</text>" in text
    assert found.sizes == pytest.approx([12.0] * len(found.sizes), rel=0.01)


def test_without_matplotlib_one_line_says_what_to_install_and_the_page_is_there(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("dynplug.plot")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(dp, "plot", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    t = Planted(loss_fun="cross_entropy").measured(fit={"loss": [1.0]})
    found, _, said = written(tmp_path, Reported("t", t, (X, Y)))
    assert said == ["No picture was made: Plots need matplotlib: pip install 'dynplug[plot]'"]
    assert found.figures == []
    assert "Learning" not in found.headings
    assert found.row("training loss") == ["training loss", "1"]
    assert "Classification of the training data" in found.headings


def test_weights_are_images_where_they_are_few_and_else_histograms(tmp_path):
    few, many, vector = np.eye(3, dtype=np.float32), RNG.random((30, 20)), RNG.random(30)
    t = Planted()
    t.target = {"few": jnp.asarray(few), "many": jnp.asarray(many), "vector": jnp.asarray(vector), "one": jnp.ones(())}
    before = {"few": few, "many": many * 0, "vector": vector * 0, "one": np.zeros(())}
    before = {path: a.astype(np.float32) for path, a in before.items()}
    found, text, _ = written(tmp_path, Reported("t", t, None, before=before))
    labels = dict(label.split(": ", 1) for label in found.figures)
    assert labels["few"] == "3 × 3 values after training."
    assert "0 before (mean ± standard deviation)." in labels["many"]
    assert set(labels) == {"few", "many", "vector"}
    assert text.count("data:image/png;base64") >= 1  # the image
    assert found.row("one")[4:] == ["0", "1", "yes"]
    stays, _, _ = written(tmp_path, Reported("t", t, None, before=arrays_of(t.target)))
    assert not any(label.startswith("vector") for label in stays.figures)
    assert stays.row("one")[4:] == ["1", "1", "no"]
    unknown, _, _ = written(tmp_path, Reported("t", t, None))
    assert unknown.row("one")[4:] == ["1"]


def test_pictures_of_an_earlier_report_do_not_stay(tmp_path):
    (tmp_path / "weights.png").write_text("old")
    t = Planted()
    t.target = {"one": jnp.ones(())}
    written(tmp_path, Reported("t", t, None))
    assert not (tmp_path / "weights.png").exists()


def test_numbers_are_short():
    assert in_short(np.array([2.0, 4.0])) == "3 ± 1"
    assert in_short(np.array([9.0, 9.0])) == "9"
    assert in_short(np.array(1.23456)) == "1.235"
    assert in_short(np.zeros(0)) == in_short(None) == ""
    assert [in_units(s) for s in (0.25, 59.0, 59.7, 3599.6, 7260.0)] == [
        "0.2 s",
        "59.0 s",
        "1 min 0 s",
        "1 h 0 min",
        "2 h 1 min",
    ]


def test_counts_are_shaded_by_their_share_and_facts_without_value_are_left_out():
    shades = re.findall(
        r"<td style=\"background: rgb\(([\d ]+) / ([\d.]+)\)\">", counts_table([[3.0, 1.0], [0.0, 4.0]], "")
    )
    assert [hue for hue, _ in shades] == ["0 114 178", "213 94 0", "0 114 178"]
    assert float(shades[1][1]) < float(shades[0][1]) < float(shades[2][1]) <= 0.55
    assert Page(counts_table([[0.0, 0.0], [1.0, 0.0]], "")).rows[1] == ["0", "0", "0", ""]
    assert Page(facts({"a": 0, "b": "", "c": None, "d": "x"})).rows == [["a", "0"], ["d", "x"]]


def test_the_command_is_that_of_this_process_if_it_is_one(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/dynplug", "train", "digits", "--set", "a=b c"])
    assert command_line() == "dynplug train digits --set 'a=b c'"
    monkeypatch.setattr(sys, "argv", ["/site-packages/dynplug/__main__.py", "train", "digits"])
    assert command_line() == "dynplug train digits"
    monkeypatch.setattr(sys, "argv", ["train.py", "dynplug"])
    assert command_line() == ""


class Foreign:
    """A trainer with no more than every trainer has."""

    dt, epoch, writes, target = 0.5, 1, True, dp.layers.Dense(3, 1, W_initializer=0.0)

    def __init__(self):
        self.history = History()
        self.history.record("fit", [1], {"loss": [2.0]})

    def predict(self, inputs):
        return inputs


def test_a_foreign_trainer_has_a_page_of_what_any_trainer_tells(tmp_path):
    assert isinstance(Planted(), Reportable)
    assert not isinstance(Foreign(), Reportable)
    reported = Reported("t", Foreign(), (X, X[..., :1]))
    found, _, _ = written(tmp_path, reported)
    assert reported.layout == layout_of("B")
    assert reported.model is Foreign.target
    assert reported.epoch_of_model == 1
    assert found.row("trained by")[1] == "Foreign, its loss, steps of 0.5 ms"
    assert found.row("samples")[1] == "8 training"
    assert not {"seed", "steps"} & {row[0] for row in found.rows}

"""The page about a training: what it says is what was measured, and it can be read wherever it is opened."""

import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from planted_trainer import X
from read_pages import written

import dynplug as dp
from dynplug.plugin import registry
from dynplug.recipe.report import PICTURES, REPORT, Reported, arrays_of

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

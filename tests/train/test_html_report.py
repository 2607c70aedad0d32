"""The page about a training, and the pictures in it."""

import base64
import copy
import sys
from html.parser import HTMLParser

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.plugin import registry
from dynplug.recipe.figures import draw
from dynplug.recipe.html_report import REPORT, page, table, write_report

PNG = b"\x89PNG\r\n\x1a\n"


class Page(HTMLParser):
    """Checks that tags are closed, and collects images, cells, headings and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.rows, self.links, self.text = [], [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [value for name, value in attrs.items() if name in ("src", "href")]
        if tag == "img":
            self.images.append(attrs)
        if tag == "tr":
            self.rows.append([])
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


@pytest.fixture(scope="module")
def trainer():
    k1, k2 = jax.random.split(jax.random.key(0))
    model = dp.Sequential(
        a=dp.layers.Dense(3, 4, key=k1), hidden=dp.neurons.LIF(4, tau=jnp.full(4, 9.0)), b=dp.layers.Dense(4, 2, key=k2)
    )
    t = dp.BPTT(model, "cross_entropy", metrics=["accuracy"], dt=0.5, logger=None, progress_bar=False)
    t.fit((X, np.arange(8) % 2), test_data=(X, np.arange(8) % 2), num_epoch=3)
    return t


X = np.random.default_rng(0).random((8, 6, 3), np.float32)


def test_the_page_tells_the_best_epoch(trainer, tmp_path):
    write_report(tmp_path, "a task", "", trainer, X, say=lambda line: None)
    assert "Best epoch" not in (tmp_path / REPORT).read_text(encoding="utf-8")
    data = (X, np.arange(8) % 2)
    best = copy.deepcopy(trainer)
    best.fit(data, data, num_epoch=3, keep_best=("test/loss", "max"))
    write_report(tmp_path, "a task", "", best, X)
    found = Page((tmp_path / REPORT).read_text(encoding="utf-8"))
    losses = best.get_hist_metric("test")
    epoch = 4 + int(np.argmax(losses[3:]))
    assert epoch < 6
    assert f"The best by test/loss: {losses[epoch - 1]:.6g}, the maximum of all epochs." in found.text
    (row,) = [n for n, row in enumerate(found.rows) if row[0] == f"epoch {epoch}"]
    assert found.rows[row + 2][:2] == ["test data", f"{losses[epoch - 1]:.6g}"]


def test_the_page_tells_all_and_needs_no_other_file(trainer, tmp_path):
    write_report(tmp_path, "a task", "seed = 4\n[model]\n", trainer, X)
    assert {p.name for p in tmp_path.iterdir()} == {REPORT, "result.png", "weights.png"}
    found = Page((tmp_path / REPORT).read_text(encoding="utf-8"))
    assert [image["alt"] for image in found.images] == ["result", "weights"]
    for image in found.images:
        data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True)
        assert data == (tmp_path / f"{image['alt']}.png").read_bytes()
        assert data.startswith(PNG)
    assert all(link.startswith("data:") for link in found.links)
    assert "seed = 4\n[model]\n" in found.text
    accuracy = f"{trainer.get_hist_metric('test', 'accuracy')[-1]:.6g}"
    assert ["epoch 3", "loss", "accuracy"] in found.rows
    assert next(row for row in found.rows if row[0] == "test data")[2] == accuracy
    assert ["a.weight", "float32", "[4, 3]", "12", "yes"] in found.rows
    assert ["hidden.tau", "float32", "[4]", "4", "no"] in found.rows
    assert ["all", "30"] in [row for row in found.rows if row[0] == "all"]
    assert registry().digest() in found.text
    assert ["dynplug", dp.__version__] in found.rows


def test_whatever_users_write_is_shown_not_run(trainer, tmp_path):
    write_report(tmp_path, "<script>alert(1)</script>", "name = '</pre><img src=x onerror=alert(2)>'", trainer, X)
    found = Page((tmp_path / REPORT).read_text(encoding="utf-8"))
    assert "<script>alert(1)</script>" in found.text
    assert "</pre><img src=x onerror=alert(2)>" in found.text
    assert len(found.images) == 2
    assert Page(table(["<b>"], [["&lt;", '"']])).rows == [["<b>"], ["&lt;", '"']]
    assert Page(page("{braces} & <tags>", {"<i>": "", "<u>": "<p>x</p>"})).text.count("<u>") == 1


def test_without_matplotlib_one_line_says_what_to_install_and_the_page_is_there(trainer, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("dynplug.plot")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(dp, "plot", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = []
    write_report(tmp_path, "t", "c", trainer, X, said.append)
    assert said == ["No picture was made: Plots need matplotlib: pip install 'dynplug[plot]'"]
    found = Page((tmp_path / REPORT).read_text(encoding="utf-8"))
    assert found.images == []
    assert "Pictures" not in found.text
    assert ["epoch 3", "loss", "accuracy"] in found.rows


def test_the_pictures_show_curves_spikes_output_and_weights(trainer):
    figures = draw(trainer, X)
    titles = [ax.get_title() or ax.get_ylabel() for ax in figures["result"].axes]
    assert titles == ["loss", "accuracy", "hidden.spike", "output for one sample"]
    loss, _, raster, output = figures["result"].axes
    np.testing.assert_allclose(loss.lines[0].get_ydata(), trainer.get_hist_metric("fit"))
    np.testing.assert_allclose(loss.lines[1].get_ydata(), trainer.get_hist_metric("test"))
    assert raster.get_ylim() == (-1, 4)
    assert len(output.lines) == 2
    assert output.lines[0].get_xdata().tolist() == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    np.testing.assert_allclose(output.lines[1].get_ydata(), trainer.predict(X[:1])[0, :, 1], rtol=1e-5)
    images = [ax for ax in figures["weights"].axes if ax.images]
    assert [ax.get_title() for ax in images] == ["a.weight", "b.weight"]
    np.testing.assert_allclose(images[0].images[0].get_array(), trainer.target["a"].weight)


def test_a_model_without_spikes_matrices_or_test_data_has_a_page_too(tmp_path):
    model = dp.neurons.LeakyIntegrator(3, tau=jnp.full(3, 5.0))
    t = dp.BPTT(model, "mse", dt=1.0, trainable={"tau": True}, logger=None, progress_bar=False)
    t.fit((X, X), num_epoch=1)
    write_report(tmp_path, "t", "c", t, X)
    found = Page((tmp_path / REPORT).read_text(encoding="utf-8"))
    assert [image["alt"] for image in found.images] == ["result"]
    assert not any(row[0] == "test data" for row in found.rows)

"""What a report shows of parameters."""

import jax.numpy as jnp
import numpy as np
from planted_trainer import Planted
from read_pages import written

from dynplug.recipe.report import Reported, arrays_of


def test_weights_are_images_where_they_are_few_and_else_histograms(tmp_path):
    rng = np.random.default_rng(0)
    few, many, vector = np.eye(3, dtype=np.float32), rng.random((30, 20)), rng.random(30)
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

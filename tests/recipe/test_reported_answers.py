"""What a report says of a model's answers: confusions of classes."""

import jax.numpy as jnp
import numpy as np
from planted_trainer import Planted, Threshold, X
from read_pages import written

from dynplug.recipe.report import Reported
from dynplug.recipe.report.answering import answers_of


def test_the_confusion_matrix_is_that_of_the_last_steps_that_count(tmp_path):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(40, 6, 3)).astype(np.float32)
    y, lengths = rng.integers(0, 3, 40), rng.integers(1, 7, 40)
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
    rng = np.random.default_rng(0)
    scores, y = rng.normal(size=(4, 6, 3)).astype(np.float32), rng.integers(0, 3, (4, 6))
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


def test_one_class_and_one_epoch_have_a_page(tmp_path):
    t = Planted(lambda x: x[..., :1], loss_fun="cross_entropy").measured(fit={"loss": [0.0]})
    found, _, _ = written(tmp_path, Reported("t", t, (X, np.zeros(8, int))))
    assert found.row("0") == ["0", "8", "100 %"]
    assert found.row("training loss") == ["training loss", "0"]
    assert "epoch 1 (last and best)" in found.text


def test_values_that_are_not_finite_are_told(tmp_path):
    t = Planted(lambda x: x * np.nan, loss_fun="cross_entropy")
    t.measured(fit={"loss": [1.0, np.nan]}, test={"loss": [np.inf, np.nan]})
    t.target = Threshold(jnp.full((2, 3), jnp.nan))
    found, _, _ = written(tmp_path, Reported("t", t, (X, np.arange(8) % 3)))
    assert found.row("test loss") == ["test loss", "nan", "inf"]
    assert "Some scores are not finite" in found.text
    assert "classifies" not in found.text

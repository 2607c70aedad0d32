"""Messages of `dynplug train` about mistakes: one line, and nothing is written."""

import pytest

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("old", "new", "at", "expected"),
    [
        ("tau =", "taau =", "taau", "model.hidden.taau: LIF takes no 'taau'. Did you mean 'tau'?"),
        ('"LIF"', '"LIFF"', "LIFF", "model.hidden.type: There is no component called 'LIFF'. Did you mean 'LIF'?"),
        ("alpha =", "alhpa =", "surrogate", "model.hidden.surrogate.alhpa: Sigmoid takes no 'alhpa'."),
        ("[runner]", "[runer]", "[runer]", "runer: There is no section 'runer'. Did you mean 'runner'?"),
        (
            "num_epoch",
            "num_epochs",
            "num_epochs",
            "fit.num_epochs: BPTT.fit takes no 'num_epochs'. Did you mean 'num_ep",
        ),
        ("h = 2", "h = 0", "num_epoch", "fit.num_epoch: must be a whole number, 1 or more; got 0."),
        (
            "size = 40",
            "size = 0",
            "batch_size",
            "fit.batch_size: batch_size=0 must be a whole number, 1 or more.",
        ),
        (
            "size = 40",
            'size = 40\nkeep_best = "test/acuracy"',
            "keep_best",
            "fit.keep_best: keep_best='test/acuracy': say whether less or more of 'acuracy' is better, 'min' or 'max'. "
            "Did you mean 'accuracy'?",
        ),
        ("seed = 3", "seed = 'x'", "seed", "seed: must be a whole number, 0 or more; got 'x'."),
        ('F"\nsize = 8', 'F"\nsize = 9', "[model]", "model: Sequential: 'input' (Dense) outputs shape (8,)"),
        (
            "0.9554",
            "1.5",
            "test_share",
            "task.test_share: Digits: test_share=1.5 must be a finite number above 0 and below 1",
        ),
        (
            "tau = 5.0",
            "tau = 'ten'",
            "tau",
            "model.hidden.tau: Expected a number; got the text 'ten'.",
        ),
        ("dt = 1.0", "dt = 0.0", "dt", "runner.dt: BPTT: dt=0.0 must be the step [ms], a number above zero"),
        ('"BPTT"', '"DSRunner"', "loss_fun", "runner.loss_fun: DSRunner takes no 'loss_fun'."),
        ("entropy", "entropi", "loss_fun", "runner.loss_fun.type: There is no loss called 'cross_entropi'. Did you"),
        ("accuracy", "acuracy", "metrics", "runner.metrics[0].type: There is no metric called 'acuracy'. Did you mean"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_line_with_file_line_and_key(
    dynplug, one_line, tmp_path, old, new, at, expected, recipe
):
    assert recipe.count(old) == 1
    text = recipe.replace(old, new)
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    number = 1 + next(n for n, line in enumerate(text.splitlines()) if at in line)
    line = one_line(dynplug("train", path, "--out", tmp_path / "run"))
    assert line.startswith(f"Error: {path}, line {number}, {expected}")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("model.hidden.taau=3", "model.hidden.taau: LIF takes no 'taau'. Did you mean 'tau'?"),
        ("modle.hidden.tau=3", "there is no table 'modle'. Did you mean 'model'?"),
        ("seeed=3", "seeed: There is no section 'seeed'. Did you mean 'seed'?"),
        ("seed=x", "seed: must be a whole number, 0 or more; got 'x'."),
        ("fit=3", "fit: must be a table; got 3."),
        ("fit.num_epoch=many", "fit.num_epoch: must be a whole number, 1 or more; got 'many'."),
        ("model=LIF", "model: must be a section with a type (set model.type); got 'LIF'."),
        ("model.hidden.tau", "--set model.hidden.tau: write it as key=value"),
        ("=3", "--set =3: write it as key=value"),
        ("model.hidden.type=LIFF", "model.hidden.type: There is no component called 'LIFF'. Did you mean 'LIF'?"),
        ("runner.type=BPTTT", "runner.type: There is no runner called 'BPTTT'. Did you mean 'BPTT'?"),
        ("runner.type=DSRunner", "runner.type: DSRunner does not train: it has no method 'fit'."),
        ("fit.batch_size=2.5", "--set fit.batch_size=2.5, fit.batch_size: batch_size=2.5 must be a whole number, 1 or"),
        ("fit.num_report=-2", "--set fit.num_report=-2, fit.num_report: num_report=-2 must be a whole number, -1 or"),
        ("fit.restore_best=False", "fit.restore_best: Expected true or false, without quotes; got 'False'."),
        ("runner.shuffle_data=False", "runner.shuffle_data: Expected true or false, without quotes; got 'False'."),
        ("fit.buckets=0", "--set fit.buckets=0, fit.buckets: buckets=0 must be a whole number"),
        ("fit.checkpoint_every=no", "fit.checkpoint_every: Expected a number; got the text 'no'."),
        ("fit.keep_best=loss", "fit.keep_best: keep_best='loss': write the phase and the metric, as 'test/loss'"),
        ("fit.keep_best=5", "fit.keep_best: keep_best=5: write the phase and the metric, as 'test/loss'"),
        (
            "fit.keep_best=test/mse",
            "fit.keep_best: keep_best='test/mse': 'mse' is not measured. Known: accuracy, loss.",
        ),
        ("fit.restore_best=true", "fit.restore_best: restore_best=True needs keep_best"),
        ("fit.shared_args=5", "fit.shared_args: shared_args=5 must be a dictionary"),
        ("model.hidden.surrogate.type=LIF", "model.hidden.surrogate.type: There is no surrogate called 'LIF'."),
    ],
)
def test_a_mistake_in_an_override_is_one_line(dynplug, one_line, home, tmp_path, assignment, expected):
    result = dynplug("train", home / "tiny.toml", "--out", tmp_path / "run", "--set", assignment)
    assert expected in one_line(result)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("model.hidden.tau=-1.0", "Error: --set model.hidden.tau=-1.0, model.hidden.tau: LIF(tau=...) must be "),
        ("model.hidden.taau=3", "Error: --set model.hidden.taau=3, model.hidden.taau: LIF takes no "),
        ("model.hidden.size=9", "Error: --set model.hidden.size=9, model: Sequential: "),
        ("runner.loss_fun=entropi", "Error: --set runner.loss_fun=entropi, runner.loss_fun.type: There is no loss "),
        ("seed=-1", "Error: --set seed=-1, seed: must be a whole number"),
    ],
)
def test_what_an_override_does_wrong_is_not_blamed_on_the_recipe(
    dynplug, one_line, home, tmp_path, assignment, expected
):
    line = one_line(dynplug("train", home / "tiny.toml", "--out", tmp_path / "run", "--set", assignment))
    assert line.startswith(expected)
    assert "tiny.toml" not in line


def test_a_mistake_of_the_recipe_stays_its_own_where_something_else_is_overridden(dynplug, one_line, tmp_path, recipe):
    (tmp_path / "wrong.toml").write_text(recipe.replace("tau =", "taau ="))
    line = one_line(dynplug("train", tmp_path / "wrong.toml", "--set", "model.hidden.R=2.0", "--set", "seed=1"))
    assert line.startswith(f"Error: {tmp_path / 'wrong.toml'}, line ")


def test_files_that_cannot_be_read_are_one_line(dynplug, one_line, tmp_path):
    (tmp_path / "broken.toml").write_text("seed = \n")
    line = one_line(dynplug("train", tmp_path / "broken.toml"))
    assert f"{tmp_path / 'broken.toml'} is not valid TOML: " in line
    assert "line 1" in line
    (tmp_path / "latin.toml").write_bytes("seed = 1 # µ".encode("latin-1"))
    latin = f"Error: {tmp_path / 'latin.toml'} is not a text in UTF-8, as TOML must be (byte 11)."
    assert one_line(dynplug("train", tmp_path / "latin.toml")) == latin
    for missing in (tmp_path / "none.toml", tmp_path / "none"):  # a path is a file, whatever its ending
        assert one_line(dynplug("train", missing)) == f"Error: There is no file {missing}."
    assert one_line(dynplug("train", tmp_path)) == f"Error: {tmp_path} is a folder."
    assert "no task called 'digitz'. Did you mean 'digits'?" in one_line(dynplug("train", "digitz"))


def test_a_run_in_place_of_a_recipe_is_answered(dynplug, one_line, two):
    for command in ("train", "diagnose", "sweep"):
        line = one_line(dynplug(command, two.folder))
        assert f"its configuration is {two.folder / 'config.toml'}, " in line
        assert f"to go on with it: dynplug train --resume {two.folder}" in line


def test_a_recipe_or_a_run_to_resume_but_not_both(dynplug, home, two):
    for arguments in ((), (home / "tiny.toml", "--resume", two.folder)):
        result = dynplug("train", *arguments)
        assert result.code == 2
        assert "Give either a RECIPE, as in `dynplug train digits`, or --resume RUN_FOLDER." in result.err
    result = dynplug("train", "--resume", two.folder, "--out", "elsewhere")
    assert result.code == 2
    assert "leave out --out" in result.err


def test_a_folder_that_holds_a_run_is_left_alone(dynplug, one_line, home, two):
    before = {path.name: path.read_bytes() for path in two.folder.iterdir()}
    line = one_line(dynplug("train", home / "tiny.toml", "--out", two.folder, "--set", "seed=9"))
    assert line == f"Error: {two.folder} already holds a run: go on with --resume, or name another folder with --out."
    assert {path.name: path.read_bytes() for path in two.folder.iterdir()} == before


@pytest.mark.parametrize(
    ("assignment", "problem"),
    [
        ("runner.dt=2.0", "dt is 1.0, not 2.0"),
        ("model.hidden.tau=7.0", "model/hidden.tau is 5.0, not 7.0"),
        ("runner.optimizer.type=sgd", "unexpected optimizer/0.count"),
    ],
)
def test_a_run_that_is_gone_on_with_as_another_is_answered_in_words_of_the_command(
    dynplug, one_line, two, assignment, problem
):
    line = one_line(dynplug("train", "--resume", two.folder, "--set", assignment))
    assert problem in line
    assert "leave those values as they were, or begin another run, in another folder." in line
    assert "strict" not in line

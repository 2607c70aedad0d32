"""The code in the README runs as it stands."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_example_runs_and_does_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = next(block for block in blocks("python") if "import dynplug as dp" in block)
    assert len([line for line in example.splitlines() if line.strip()]) <= 20
    scope = {}
    exec(compile(example, "README.md", "exec"), scope)
    assert scope["trainer"].get_hist_metric("test", "accuracy")[-1] > 0.9
    assert scope["trainer"].predict(scope["x_test"]).shape == (*scope["x_test"].shape[:2], 10)
    assert (tmp_path / "digits.safetensors").exists()
    assert scope["runner"].mon["V"].shape == (10_000, 1)
    assert int(scope["state"].i) == 10_000


def test_it_can_be_read_in_a_sitting():
    assert len(README.encode()) < 6_000


def test_its_two_commands_are_there():
    commands = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("pip install")]
    plugins = "-e plugins/dynplug-resonate -e plugins/dynplug-reservoir -e plugins/dynplug-conductance"
    assert commands == [
        "pip install '.[demo]' && dynplug train digits",
        f"pip install -e '.[test]' {plugins} && pytest -n auto --dist worksteal",
    ]


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_its_links_lead_somewhere(target):
    assert (Path(__file__).parent.parent / target).exists()

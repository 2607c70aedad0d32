"""Jobs by the real submitit, with its executor for this machine."""

from dynplug_submitit import Submitit

import dynplug as dp
from dynplug.search import Trial


def test_a_job_that_dies_fails_its_trial_alone_and_submitit_keeps_its_logs(tmp_path):
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "trial.json").write_text("{}")
    (tmp_path / "dying.py").write_text("import os\nos._exit(3)\n")
    trial = Trial(0, {}, {}, str(tmp_path / "trial"), imports=(str(tmp_path / "dying.py"),))
    launcher = Submitit(cluster="local", folder=str(tmp_path / "jobs"), parameters={"timeout_min": 5}, pause=100.0)
    (outcome,) = launcher.launch(iter([trial]))
    assert outcome.status == "failed"
    assert "Job" in outcome.message
    assert list((tmp_path / "jobs").glob("*.err"))


def test_a_configuration_names_it():
    built = dp.build({"type": "submitit", "num_job": 4, "parameters": {"timeout_min": 3}}, kind="launcher")
    assert (built.num_job, built.parameters) == (4, {"timeout_min": 3})

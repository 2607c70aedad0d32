"""Tasks by the real Ray, on this machine."""

from dynplug_ray import Ray

import dynplug as dp
from dynplug.search import Trial


def test_a_task_that_dies_fails_its_trial_alone(tmp_path):
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial" / "trial.json").write_text("{}")
    (tmp_path / "dying.py").write_text("import os\nos._exit(3)\n")
    trial = Trial(0, {}, {}, str(tmp_path / "trial"), imports=(str(tmp_path / "dying.py"),))
    (outcome,) = Ray(resources={"num_cpus": 1}).launch(iter([trial]))
    assert outcome.status == "failed"
    assert "WorkerCrashedError" in outcome.message


def test_a_configuration_names_it():
    assert dp.build({"type": "ray", "resources": {"num_cpus": 2}}, kind="launcher").resources == {"num_cpus": 2}

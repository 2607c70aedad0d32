"""Trials as jobs of SLURM."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import submitit

from dynplug.search import Launcher, Outcome, Trial
from dynplug.sweep import in_parallel, run_trial


@dataclass(frozen=True)
class Submitit(Launcher):
    r"""A launcher that submits each trial as a job of its own, by submitit.

    $$T \ge \frac 1J \sum_n t_n$$

    with the time $t_n$ of each trial and $J$ jobs at a time. The sweep's folder must be on a file system that all nodes
    share. Jobs outlive a sweep that is killed; when it is run again their outcomes are taken.

    ```python
    from dynplug_submitit import Submitit

    sweep = {"launcher": {"type": "submitit", "num_job": 20, "parameters": {"timeout_min": 60}}}     # as in a file
    assert dp.build(sweep["launcher"], kind="launcher") == Submitit(20, parameters={"timeout_min": 60})
    ```

    **Arguments:**

    - `num_job`: $J$, how many jobs are queued or running at a time.
    - `cluster`: `"slurm"`, `"local"` for processes of this machine, `None` for SLURM where there is one.
    - `folder`: the folder for submitit's scripts and logs.
    - `parameters`: of the jobs, as `{"timeout_min": 60, "slurm_partition": "gpu", "gpus_per_node": 1}`.
    - `pause`: between two looks at the jobs [ms].

    **Reference:** Yoo, A. B., Jette, M. A. & Grondona, M. (2003), SLURM: simple Linux utility for resource management,
    Job Scheduling Strategies for Parallel Processing, doi:10.1007/10968987_3.
    """

    num_job: int = 2
    cluster: str | None = None
    folder: str = "submitit"
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    pause: float = 1000.0

    def launch(self, trials: Iterator[Trial]) -> Iterator[Outcome]:
        executor = submitit.AutoExecutor(self.folder, cluster=self.cluster)
        executor.update_parameters(**self.parameters)
        return in_parallel(
            trials,
            self.num_job,
            submit=lambda trial: executor.submit(run_trial, trial),
            done=lambda job: job.done(),
            result=lambda job: job.result(),
            pause=self.pause / 1000.0,
        )

"""Trials as tasks of Ray."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import ray

from dynplug.search import Launcher, Outcome, Trial
from dynplug.sweep import in_parallel, run_trial


@dataclass(frozen=True)
class Ray(Launcher):
    r"""A launcher that runs trials as tasks of Ray: of a cluster, or of this machine, where Ray is started if need be.

    $$T \ge \frac 1J \sum_n t_n$$

    with the time $t_n$ of each trial and $J$ tasks at a time. The sweep's folder must be on a file system that all
    nodes share.

    ```python
    from dynplug_ray import Ray

    sweep = {"launcher": {"type": "ray", "num_task": 4, "resources": {"num_gpus": 1}}}     # as in a file
    assert dp.build(sweep["launcher"], kind="launcher") == Ray(4, {"num_gpus": 1})
    ```

    **Arguments:**

    - `num_task`: $J$, how many are submitted at a time.
    - `resources`: of a task, as `{"num_cpus": 2, "num_gpus": 1}`.
    - `address`: of the cluster; `None` for that of the environment, or else this machine.

    **Reference:** Moritz, P. et al. (2018), Ray: a distributed framework for emerging AI applications, 13th USENIX
    Symposium on Operating Systems Design and Implementation, doi:10.48550/arXiv.1712.05889.
    """

    num_task: int = 2
    resources: Mapping[str, Any] = field(default_factory=dict[str, Any])
    address: str | None = None

    def launch(self, trials: Iterator[Trial]) -> Iterator[Outcome]:
        if not ray.is_initialized():
            ray.init(self.address, log_to_driver=False, include_dashboard=False)
        task = ray.remote(run_trial).options(max_retries=0, **self.resources)
        return in_parallel(
            trials,
            self.num_task,
            submit=task.remote,
            done=lambda job: bool(ray.wait([job], timeout=0)[0]),
            result=ray.get,
        )

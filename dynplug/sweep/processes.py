"""Trials in processes of this machine."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import jax

from dynplug.core import as_whole
from dynplug.errors import DynplugError
from dynplug.search import Launcher, Outcome, Trial
from dynplug.sweep.in_parallel import in_parallel
from dynplug.sweep.trying import run_trial

_CACHE = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")


@dataclass(frozen=True)
class Processes(Launcher):
    r"""A launcher that runs several trials at a time, each in a process of its own on this machine.

    $$T \ge \frac 1P \sum_n t_n$$

    with the time $t_n$ of each trial and $P$ processes, which share the cores and the memory of the machine. A process
    serves one trial after the other; one that dies, as for want of memory, fails its trial alone. If the sweep is
    killed its processes end, too.

    ```python
    sweep = {"launcher": {"type": "processes", "num_process": 4}, "space": {"seed": {"int": [0, 7]}}}     # as in a file
    assert dp.build(sweep["launcher"], kind="launcher") == dp.sweep.Processes(4)
    ```

    **Arguments:**

    - `num_process`: $P$, how many run at a time.

    **Raises:** `OptionError`.

    **Reference:** Graham, R. L. (1969), Bounds on multiprocessing timing anomalies, doi:10.1137/0117039.
    """

    num_process: int = 2

    def __post_init__(self) -> None:
        as_whole("Processes: num_process", self.num_process)

    def launch(self, trials: Iterator[Trial]) -> Iterator[Outcome]:
        idle = [_worker() for _ in range(self.num_process)]
        busy: dict[Future[Outcome], ProcessPoolExecutor] = {}

        def submit(trial: Trial) -> Future[Outcome]:
            worker = idle.pop()
            future = worker.submit(run_trial, trial)
            busy[future] = worker
            return future

        def result(future: Future[Outcome]) -> Outcome:
            worker = busy.pop(future)
            try:
                return future.result()
            except BrokenProcessPool as error:
                worker.shutdown(wait=False)
                worker = _worker()
                raise DynplugError("its process ended: it was killed, by the system if memory ran out.") from error
            finally:
                idle.append(worker)

        try:
            yield from in_parallel(trials, self.num_process, submit, Future.done, result)
        finally:
            for worker in (*idle, *busy.values()):
                worker.shutdown(wait=False, cancel_futures=True)


def _worker() -> ProcessPoolExecutor:
    """One process, started anew: JAX does not survive a fork."""
    context = multiprocessing.get_context("spawn")
    kept = {name: getattr(jax.config, name) for name in _CACHE}
    return ProcessPoolExecutor(1, context, initializer=_begin, initargs=(kept,))


def _begin(kept: dict[str, object]) -> None:
    """Keep compiled programs where the sweep does, and end with it."""
    for name, value in kept.items():
        jax.config.update(name, value)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

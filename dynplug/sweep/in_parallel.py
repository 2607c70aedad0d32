"""Several trials at a time, for launchers that submit jobs and wait for them."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from dynplug.plugin import in_words
from dynplug.search import Outcome, Trial
from dynplug.sweep.trying import failed, outcome_in, write_outcome

Job = TypeVar("Job")

_PAUSE = 0.05  # s between two looks at what is running


def in_parallel(
    trials: Iterator[Trial],
    room: int,
    submit: Callable[[Trial], Job],
    done: Callable[[Job], bool],
    result: Callable[[Job], Outcome],
    pause: float = _PAUSE,
) -> Iterator[Outcome]:
    """Keep `room` trials running, and yield outcomes as they come. A job that is lost is a trial that failed.

    **Arguments:**

    - `trials`: taken as there is room.
    - `room`: the number that run at a time.
    - `submit`: starts a job that calls `run_trial(trial)`, and returns something by which it is known.
    - `done`: whether a job has come to an end.
    - `result`: returns the result of a finished job; raises if the job has failed.
    - `pause`: between two looks at the jobs [s].
    """
    running: list[tuple[Trial, Job]] = []
    while True:
        while len(running) < room and (trial := next(trials, None)) is not None:
            running.append((trial, submit(trial)))
        if not running:
            return
        ready = [job for job in running if done(job[1])]
        running = [job for job in running if job not in ready]
        for trial, job in ready:
            yield _outcome(trial, job, result)
        if not ready:
            time.sleep(pause)


def _outcome(trial: Trial, job: Job, result: Callable[[Job], Outcome]) -> Outcome:
    try:
        return result(job)
    except Exception as error:  # the process was killed, or its machine is gone
        outcome = outcome_in(trial.folder) or failed(trial, in_words(error))
        write_outcome(trial.folder, outcome)
        return outcome

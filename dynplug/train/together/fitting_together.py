"""Trainers whose steps are computed as one: each fits as it does by itself, with data, order, history and files of its
own, in a thread; only the compiled steps meet, in one program under `vmap`.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from dynplug.train.step import Stepped
from dynplug.train.together.joint_steps import JointSteps, common
from dynplug.train.together.lanes import LaneProgram, LaneState, Request, Stack, row, stacked, state_of
from dynplug.train.together.rendezvous import Asked, Rendezvous


class NotTogether(Exception):
    """Steps could not be computed as one; each trainer can still do so by itself. The cause is the error."""


def alike(trainer: Any) -> Hashable:
    """A key that trainers share which can run together: all but the values of arrays and of numbers."""
    state = trainer._progress.train_state
    shapes = tuple((np.shape(leaf), leaf.dtype) for leaf in state.leaves)
    programs = trainer._program("fit", {}, 0), trainer._program("predict", {})
    return *map(common, programs), state.structure, shapes


def run_together(trainers: Sequence[Any], runs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call functions that fit a trainer each, all at once; what each returns, or the exception that it raises.

    **Arguments:**

    - `trainers`: for all of which `alike` is equal.
    - `runs`: a function a trainer.
    """
    rendezvous = Rendezvous(len(trainers), _Steps(len(trainers)))
    results: list[Any] = [None] * len(trainers)

    def run(lane: int) -> None:
        try:
            results[lane] = runs[lane]()
        except BaseException as error:
            results[lane] = error
        finally:
            rendezvous.leave(lane)

    for lane, trainer in enumerate(trainers):
        trainer._lane = partial(LaneProgram, ask=partial(rendezvous.ask, lane))
    threads = [threading.Thread(target=run, args=(lane,), daemon=True) for lane in range(len(trainers))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException as error:  # Ctrl-C reaches this thread alone
        rendezvous.close(error)
        raise
    finally:
        for trainer in trainers:
            trainer._lane = None
            state = trainer._progress.train_state
            trainer._progress.train_state = getattr(state, "whole", state)
    return results


class _Steps:
    """Answers requests for steps; those of one kind at once. Where some trainers are done, others stand in for them.

    **Arguments:**

    - `number`: of all trainers.
    """

    def __init__(self, number: int):
        self._number = number
        self._together: tuple[list[Any], JointSteps] | None = None

    def __call__(self, asked: Asked) -> Asked:
        kinds: dict[Any, Asked] = {}
        for lane, request in asked.items():
            kinds.setdefault(request.kind, {})[lane] = request
        answers: Asked = {}
        try:
            for requests in kinds.values():
                answers |= self._answers(requests)
        except Exception as error:
            raise NotTogether(str(error)) from error
        return answers

    def _answers(self, requests: dict[int, Request]) -> Asked:
        some = next(iter(requests))
        lanes = [lane if lane in requests else some for lane in range(self._number)]
        asked = [requests[lane] for lane in lanes]
        together = self._of([request.program for request in asked])
        batch, numbers = stacked([request.batch for request in asked]), [request.number for request in asked]
        if asked[0].phase == "evaluate":
            params = stacked([request.state for request in asked])
            _, logged = together.evaluate(numbers, (params, *batch))
            logged = jax.device_get(logged)
            return {lane: (None, row(logged, lane)) for lane in requests}
        keep = asked[0].keep
        made = together.train(
            numbers, (state_of({lane: r.state for lane, r in requests.items()}, lanes), *batch), keep=keep
        )
        logged, finite, moved, ok = jax.device_get((made.logged, made.finite, made.moved, made.state.ok))
        stack = Stack(made.state, ok)
        return {
            lane: Stepped(
                LaneState(stack, lane),  # pyright: ignore[reportArgumentType] - one, to who looks at it
                row(made.carry, lane) if keep else None,
                row(logged, lane),
                finite[lane],
                moved[lane],
            )
            for lane in requests
        }

    def _of(self, programs: list[Any]) -> JointSteps:
        """The programs as one, prepared once for as long as they are the same."""
        if self._together is None or any(a is not b for a, b in zip(self._together[0], programs, strict=True)):
            self._together = programs, JointSteps(programs)
        return self._together[1]

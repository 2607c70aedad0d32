"""Faulty samplers and launchers, each wrong in one respect."""

from dynplug.search import Launcher, Outcome, Random, Sampler
from dynplug.sweep import run_trial, write_outcome


class Outside(Sampler):
    """Chooses a value that is no choice."""

    def ask(self, search, number):
        values = Random(6).ask(search, number)
        return values and {**values, "d": 17}

    def tell(self, search, values, outcome):
        pass

    def observers(self, search, number):
        return ()


class Forgetful(Sampler):
    """Chooses anew what it was asked for in an earlier process."""

    made = 0

    def __init__(self):
        type(self).made += 1
        self.seed = self.made

    def ask(self, search, number):
        return Random(6, seed=self.seed).ask(search, number)

    def tell(self, search, values, outcome):
        pass

    def observers(self, search, number):
        return ()


class Loses(Launcher):
    """Loses the second trial."""

    def launch(self, trials):
        return (outcome for n, outcome in enumerate(map(run_trial, trials)) if n != 1)


class Changes(Launcher):
    """Trains with another seed."""

    def launch(self, trials):
        for trial in trials:
            outcome = run_trial(trial)
            if outcome.metrics:
                metrics = {"test": {"loss": outcome.metrics["test"]["loss"] + 0.1}}
                outcome = Outcome(trial.number, "finished", outcome.value, metrics)
                write_outcome(trial.folder, outcome)
            yield outcome


FAULTS = [
    {"kind": kind, "target": target, "check": check, "alone": False}
    for kind, target, check in (
        ("sampler", Outside, "asks_within_the_space"),
        ("sampler", Forgetful, "goes_on_as_if_never_killed"),
        ("launcher", Loses, "runs_every_trial_once"),
        ("launcher", Changes, "keeps_the_numbers_of_a_single_run"),
    )
]

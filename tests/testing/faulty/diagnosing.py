"""Diagnostics that are wrong on purpose."""

import numpy as np

from dynplug.diagnosis import Diagnostic, Finding


class CriesWolf(Diagnostic):
    def examine(self, evidence):
        yield Finding("warning", "", "something may be wrong", "Look at everything.")


class FindsWords(Diagnostic):
    def examine(self, evidence):
        yield "all is well"


class Stumbles(Diagnostic):
    def examine(self, evidence):
        if not np.isfinite(evidence.backward.loss):
            raise ValueError("the loss is not a number")
        return []


class Remembers(Diagnostic):
    def __init__(self):
        self.count = 0

    def examine(self, evidence):
        self.count += 1
        yield Finding("ok", "", f"call {self.count}")


def fault(check, target, *also):
    return {"check": check, "kind": "diagnostic", "target": target, "also": also}


FAULTS = [
    fault("finds_nothing_in_a_sound_model", CriesWolf),
    fault("gives_findings", FindsWords, "finds_nothing_in_a_sound_model"),
    fault("gives_findings", Stumbles),
    fault("only_looks", Remembers),
]

"""The conformance suite: checks of the contract of each kind, which plugin authors run on their own components.

```python
from dynplug.testing import parametrize_with_checks

@parametrize_with_checks("my-package")   # every component of that distribution
def test_conformance(check):
    check()
```

In a notebook: `print(check_component("neuron", MyNeuron, example={"size": 3}))`; on the command line:
`dynplug check my-package`. A check examines a minimal instance of the component, built from the `example` of its spec.
It is skipped, with the reason, if it does not apply to the component; no such case is made for pytest. A known failure
is declared with its reason, and must then fail.
"""

from dynplug.testing.checks import Capability as Capability, Check as Check, Result as Result
from dynplug.testing.parametrize import Case as Case, parametrize_with_checks as parametrize_with_checks
from dynplug.testing.report import (
    CheckReport as CheckReport,
    check_component as check_component,
    report_on as report_on,
)
from dynplug.testing.selection import named as named
from dynplug.testing.table import CHECKS as CHECKS, checks_of as checks_of

"""The conformance suite: what every component of a kind must do, as checks that plugin authors run on their own.

```python
from dynplug.testing import parametrize_with_checks

@parametrize_with_checks("my-package")   # every component of that distribution
def test_conformance(check):
    check()
```

In a notebook: `print(check_component("neuron", MyNeuron, example={"size": 3}))`; on the command line:
`dynplug check my-package`. A check looks at a component's minimal instance, made from its spec's `example`. It is
skipped, with the reason, where a component has no use for it; one that is known to fail is declared with the reason,
and must then fail.
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

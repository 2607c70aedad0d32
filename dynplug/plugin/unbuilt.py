"""Arguments that are handed over as they are configured, and built by whom they are given to."""

import inspect
from dataclasses import dataclass
from typing import Annotated, get_args, get_origin


@dataclass(frozen=True)
class Unbuilt:
    """Marks a parameter of a constructor that takes a component, or a list of some, without their being built.

    In a configuration the argument is resolved and checked with the rest, also where it is a bare name; the constructor
    gets a `Configured`, or a list of some, whose `build` it calls as it needs to.

    ```python
    from typing import Annotated, Any
    from dynplug.train.toolkit import Unbuilt

    class MyTrainer:
        def __init__(self, target, *, dt: float, loss_fun: Annotated[Any, Unbuilt("loss")]):
            ...
    ```

    **Attributes:** `kind`, that of the component.
    """

    kind: str


def unbuilt_kind(parameter: inspect.Parameter | None) -> str:
    """The kind of component that a parameter takes without its being built; empty for any other parameter."""
    annotation = None if parameter is None else parameter.annotation
    marks = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((mark.kind for mark in marks if isinstance(mark, Unbuilt)), "")

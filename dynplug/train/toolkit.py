"""Parts for authors of trainers: what `BPTT` itself is made of, and promises the same to its users.

A trainer is any object that has what `dynplug.train.Trainer` lists. With these its data, axes, losses, history,
reports and checkpoints are read, checked and written as those of all other trainers are:

- `as_system(target, "MyTrainer")`, `as_dt(dt)`, `as_t0(t0)`, `as_whole("washout", washout, least=0)`: arguments,
  checked.
- `layout_of(data_first_axis)`: the axes of the data. `layout.batch_first(out, targets)` leads to (batch, time, ...),
  and back.
- `Pair(data, layout, "train_data")`: inputs `x` and targets `y` as NumPy arrays of equally many samples.
- `data_of(data, layout, "train_data", epoch)`: such a pair of all data of an epoch in any form: arrays, lists of
  sequences of several lengths, batches of a loader, a function of the epoch; with the `lengths` of the sequences.
- `as_device_mesh(devices)`: devices as users name them; `parts` brings each its samples, `copies` all of them the same.
  `check_on_one(data, "train_data")` refuses arrays on several, where there is but one.
- `measures_of(loss_fun, metrics)`: losses and metrics as users give them, by name; `measure(out, targets, layout)` is
  the value of one. `Annotated[Any, Unbuilt("loss")]`, for the parameter of a constructor, lets a configuration check
  and pin what it names.
- `History()`, and `report(...)`, which writes the line of an epoch and calls `fun_after_report`.
- `described(self, self.target, dt=self.dt)`: the text of `__repr__`.
- `checkpoint.write(path, trees, description, constants)` and `checkpoint.read(...)`: files, whole or not at all.

`dynplug-reservoir` is a package of trainers made of them.
"""

import dynplug.train.checkpoint as checkpoint  # noqa: F401 - public
from dynplug.core import (
    as_dt as as_dt,
    as_system as as_system,
    as_t0 as as_t0,
    as_whole as as_whole,
    described as described,
)
from dynplug.plugin import Unbuilt as Unbuilt
from dynplug.run import as_arrays as as_arrays
from dynplug.train.data import (
    Layout as Layout,
    Pair as Pair,
    are_sequences as are_sequences,
    data_of as data_of,
    layout_of as layout_of,
    padded_inputs as padded_inputs,
    unpadded as unpadded,
    with_lengths as with_lengths,
)
from dynplug.train.fit import STDOUT as STDOUT, History as History, Report as Report, Stream as Stream, report as report
from dynplug.train.step import (
    DeviceMesh as DeviceMesh,
    Measure as Measure,
    as_device_mesh as as_device_mesh,
    check_on_one as check_on_one,
    measures_of as measures_of,
)
from dynplug.train.trainer import Trainer as Trainer

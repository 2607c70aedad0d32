"""Several trainers whose steps are computed as one."""

from dynplug.train.together.fitting_together import (
    NotTogether as NotTogether,
    alike as alike,
    run_together as run_together,
)

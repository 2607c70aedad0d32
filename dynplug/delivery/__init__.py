"""The delivery of spikes through connections: one sum, taken in several ways."""

from typing import Never

from dynplug.delivery.backend import Delivery as Delivery
from dynplug.delivery.by_rows import Events as Events
from dynplug.delivery.choice import (
    choose as choose,
    explain_delivery as explain_delivery,
    for_rates as for_rates,
    reads_receivers as reads_receivers,
)
from dynplug.delivery.delivering import deliver as deliver
from dynplug.delivery.fanout import Fanout as Fanout
from dynplug.delivery.full_sums import Dense as Dense, Gather as Gather, Sparse as Sparse
from dynplug.delivery.spike_set import members as members, next_member as next_member
from dynplug.plugin import missing_attribute


def __getattr__(name: str) -> Never:
    raise missing_attribute(__name__, name, globals())

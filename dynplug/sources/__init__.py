"""Sources: systems without input, whose output drives others: spike trains and noise."""

from dynplug.sources.gaussian_noise import WhiteNoise as WhiteNoise
from dynplug.sources.ornstein_uhlenbeck import (
    OrnsteinUhlenbeck as OrnsteinUhlenbeck,
    OrnsteinUhlenbeckState as OrnsteinUhlenbeckState,
)
from dynplug.sources.poisson_spikes import Poisson as Poisson
from dynplug.sources.source import Source as Source, SpikesState as SpikesState
from dynplug.sources.spike_times import SpikeTimes as SpikeTimes

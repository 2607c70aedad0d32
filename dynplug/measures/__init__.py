"""Measures of spike trains and of the activity of populations, computed by NumPy on the host."""

from dynplug.measures.correlations import (
    correlation as correlation,
    order_parameter as order_parameter,
    synchrony as synchrony,
)
from dynplug.measures.counting import counts as counts, fano as fano, rate as rate, rate_over_time as rate_over_time
from dynplug.measures.intervals import cv as cv, cv2 as cv2, isi as isi
from dynplug.measures.spike_trains import Events as Events, as_events as as_events

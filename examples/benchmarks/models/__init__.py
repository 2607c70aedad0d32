"""The models of `twenty_models.py`, by name."""

from models import convolutional, recurrent, sequence, spiking
from models.common import Model as Model

MODELS = {make.__name__: make for part in (recurrent, spiking, convolutional, sequence) for make in part.MODELS}

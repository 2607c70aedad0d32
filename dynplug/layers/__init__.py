"""Layers of rate networks, stateless and recurrent."""

from typing import Never

from dynplug.layers.activation import as_activation as as_activation
from dynplug.layers.batch_norm_through_time import BatchNormThroughTime as BatchNormThroughTime
from dynplug.layers.delay import Delay as Delay
from dynplug.layers.dense import Dense as Dense
from dynplug.layers.dropout import Dropout as Dropout
from dynplug.layers.gru_cell import GRUCell as GRUCell
from dynplug.layers.input_group import InputGroup as InputGroup
from dynplug.layers.lstm_cell import LSTMCell as LSTMCell
from dynplug.layers.one_sample import check_input as check_input
from dynplug.layers.recurrent import Recurrent as Recurrent
from dynplug.layers.rnn_cell import RNNCell as RNNCell
from dynplug.layers.sparse import Sparse as Sparse
from dynplug.layers.stateful import Stateful as Stateful
from dynplug.layers.td_batch_norm import TDBatchNorm as TDBatchNorm
from dynplug.layers.te_batch_norm import TEBatchNorm as TEBatchNorm
from dynplug.plugin import missing_attribute


def __getattr__(name: str) -> Never:
    raise missing_attribute(__name__, name, globals())

"""The path `keras.callbacks.callbacks` of 2.3."""

from .. import backend as K
from ..engine.training_utils import standardize_input_data
from ..utils.generic_utils import Progbar
from .backup import BackupAndRestore
from .base import Callback, CallbackList
from .control import (
    EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau, TerminateOnNaN,
)  # fmt: skip
from .loggers import BaseLogger, CSVLogger, History, ProgbarLogger, RemoteMonitor

__all__ = [
    "BackupAndRestore", "BaseLogger", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "K",
    "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "Progbar", "ProgbarLogger", "ReduceLROnPlateau",
    "RemoteMonitor", "TerminateOnNaN", "standardize_input_data",
]  # fmt: skip

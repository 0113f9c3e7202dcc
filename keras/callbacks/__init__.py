"""Callbacks: what is told, and may act, while a model trains."""

from .. import backend as K
from . import callbacks, tensorboard_v1
from .callbacks import (
    BackupAndRestore, BaseLogger, Callback, CallbackList, CSVLogger, EarlyStopping, History, LambdaCallback,
    LearningRateScheduler, ModelCheckpoint, ProgbarLogger, ReduceLROnPlateau, RemoteMonitor, TerminateOnNaN,
)  # fmt: skip
from .tensorboard_v1 import TensorBoard

__all__ = [
    "BackupAndRestore", "BaseLogger", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger", "ReduceLROnPlateau",
    "RemoteMonitor", "TensorBoard", "TerminateOnNaN",
]  # fmt: skip

"""Callbacks: what is told, and may act, while a model trains."""

from .backup import BackupAndRestore
from .base import Callback, CallbackList
from .control import (
    EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau, TerminateOnNaN,
)  # fmt: skip
from .loggers import BaseLogger, CSVLogger, History, ProgbarLogger, RemoteMonitor

__all__ = [
    "BackupAndRestore", "BaseLogger", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger", "ReduceLROnPlateau",
    "RemoteMonitor", "TerminateOnNaN",
]  # fmt: skip

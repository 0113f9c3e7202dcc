"""Where a training run stands, so that it can be taken up again there."""

from __future__ import annotations


class Position:
    """The place that `fit` starts from. It is `model._position` while callbacks are told that training begins.

    A callback that kept a run's state moves it there in `on_train_begin`: it sets the weights and the
    optimizer's, then `epoch`, `batch`, `order` and `step`; where `replays` is false also NumPy's global
    random state. If `batch` is not 0, the metrics are not reset when that epoch begins: they go on from what
    the callback made of them. The averages of `BaseLogger` and the lists of `History` are found among
    `callbacks`; both are emptied before (`BaseLogger` in `on_epoch_begin`, `History` in `on_train_begin`,
    after the user's callbacks), so they are filled again in the callback's `on_epoch_begin`.

    Where `replays` is true, the data come from a generator. `fit` then draws from it everything that the
    run has used so far and drops it; whatever random numbers that takes are taken again, so NumPy's random
    state must stay as the script left it.

    Attributes:
        epoch: the epoch to start with (set once; callbacks count for themselves where training is).
        batch: how many batches of that epoch are done already.
        order: row numbers as they were shuffled last, `None` without arrays: the order of the epoch that
            is going on, and what the next shuffle starts from. Kept up to date in every epoch.
        replays: see above.
        callbacks: the `CallbackList` of the run.
    """

    def __init__(self, epoch, function, callbacks, order=None, replays=False):
        self.epoch = epoch
        self.batch = 0
        self.order = order
        self.replays = replays
        self.callbacks = callbacks
        self._function = function

    @property
    def program(self):
        """The compiled training step: with its variables, and the seeds of its random numbers."""
        return self._function.compiled(1)

    @property
    def step(self):
        """How many training steps the model has made: its random numbers (dropout) depend on it."""
        return self.program.step

    @step.setter
    def step(self, value):
        self.program.step = int(value)

    def take_batch(self):
        """The first batch of the epoch that begins now; all later epochs begin with batch 0."""
        batch, self.batch = self.batch, 0
        return batch

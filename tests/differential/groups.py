"""The groups of numbers that are compared, and how near they must be."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from keras import backend as K
from keras.backend.config import runtime

from . import models, results, small


@dataclass(frozen=True)
class Group:
    """Something to compute, and the largest relative difference allowed (see `results`).

    Args:
        title: as in the table of the documentation.
        compute: gives {name: array or list of arrays}.
        tolerance: how far a runtime may be from the stored numbers.
        trains: whether all of it needs gradients, which the NumPy runtime has not.
    """

    title: str
    compute: Callable[[], dict]
    tolerance: float = 1e-5
    trains: bool = False


GROUPS = {
    "primitives": Group("Primitives and their gradients", small.primitives),
    "layers": Group("Layers at inference", small.layers),
    "gradients": Group("Layers in training, their gradients", small.gradients_of_layers, 3e-5, trains=True),
    "losses": Group("Losses and their gradients", small.losses_and_gradients),
    "metrics": Group("Metrics over three batches", small.metrics),
    "optimizers": Group("Optimizers, four steps", small.optimizers, trains=True),
    "bits": Group("Uniform random numbers, Dropout", small.random_bits, 0.0),
    "random": Group("Normal random numbers, initializers, noise", small.random_numbers),
    "golden": Group("Golden models, predictions", models.golden_predictions),
    "golden training": Group("Golden models, five steps of training", models.golden_training, 1e-4, trains=True),
    "applications": Group("Applications", models.applications),
    "training": Group("Five models, 25 steps of training", models.training, 1e-4, trains=True),
}


def computed(name):
    """{name: Item} of a group on the runtime in use, in a fresh session; None if it cannot."""
    group = GROUPS[name]
    if group.trains and not runtime().differentiates:
        return None
    K.clear_session()
    np.random.seed(0)  # the seeds of what is random
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # layers of Keras 1 and old files say what they are
        return results.items(group.compute())

"""Keras models for other libraries."""

from . import scikit_learn

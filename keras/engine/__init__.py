"""Layers, networks, models and training."""

from .base_layer import InputSpec, Layer, Node
from .input_layer import Input, InputLayer
from .network import Network, get_source_inputs
from .training import Model

__all__ = ["Input", "InputLayer", "InputSpec", "Layer", "Model", "Network", "Node", "get_source_inputs"]

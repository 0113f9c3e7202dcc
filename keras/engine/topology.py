"""The names that `keras.engine.topology` had before 2.2."""

from ..utils.generic_utils import is_all_none as _is_all_none  # noqa: F401
from ..utils.generic_utils import object_list_uid as _object_list_uid  # noqa: F401
from ..utils.generic_utils import to_list as _to_list  # noqa: F401
from .base_layer import (  # noqa: F401
    InputSpec, Layer, Node, _collect_input_shape, _collect_previous_mask, _to_snake_case,
)  # fmt: skip
from .input_layer import Input, InputLayer
from .network import Network, get_source_inputs
from .saving import (  # noqa: F401
    load_weights_from_hdf5_group, load_weights_from_hdf5_group_by_name, preprocess_weights_for_loading,
    save_weights_to_hdf5_group,
)  # fmt: skip

Container = Network

__all__ = ["Container", "Input", "InputLayer", "InputSpec", "Layer", "Network", "Node", "get_source_inputs"]

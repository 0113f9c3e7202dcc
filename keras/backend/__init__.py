"""K: the backend API. Thin functions that build graph nodes, and the runtime that runs them.

    from keras import backend as K
"""

from .config import (
    backend, cast_to_floatx, epsilon, floatx, image_data_format, image_dim_ordering, normalize_data_format,
    set_epsilon, set_floatx, set_image_data_format, set_image_dim_ordering,
)  # fmt: skip
from .conv import (
    conv1d, conv2d, conv2d_transpose, conv3d, conv3d_transpose, depthwise_conv2d, local_conv1d, local_conv2d,
    pool2d, pool3d, resize_bilinear_centers, resize_images, resize_volumes, separable_conv1d, separable_conv2d,
)  # fmt: skip
from .ctc import ctc_batch_cost, ctc_decode, ctc_label_dense_to_sparse
from .functions import (
    Function, Update, after_updates, compiled_programs, control_dependencies, eager, function, gradients,
    in_test_phase, in_train_phase, learning_phase, moving_average_update, set_learning_phase, stop_gradient, switch,
    symbolic, update, update_add, update_sub,
)  # fmt: skip
from .loops import foldl, foldr, map_fn, rnn
from .math import (
    abs, all, any, argmax, argmin, batch_dot, cast, clip, cos, cumprod, cumsum, dot, equal, exp, greater,
    greater_equal, less, less_equal, log, logsumexp, max, maximum, mean, min, minimum, not_equal, pow, prod, round,
    sign, sin, sqrt, square, std, sum, tanh, var,
)  # fmt: skip
from .native import native
from .nn import (
    batch_normalization, bias_add, binary_crossentropy, categorical_crossentropy, elu, hard_sigmoid, in_top_k,
    l2_normalize, normalize_batch_in_training, relu, sigmoid, softmax, softplus, softsign,
    sparse_categorical_crossentropy,
)  # fmt: skip
from .random import dropout, random_binomial, random_normal, random_uniform, truncated_normal
from .session import Session, clear_session, get_session, set_session
from .shapes import (
    arange, batch_flatten, concatenate, expand_dims, flatten, gather, one_hot, part, permute_dimensions, repeat,
    repeat_elements, reshape, reverse, slice, spatial_2d_padding, spatial_3d_padding, split, squeeze,
    stack, temporal_padding, tile, transpose,
)  # fmt: skip
from .sparse import SparseTensor, is_sparse, to_dense
from .variables import (
    batch_get_value, batch_set_value, constant, count_params, device_scope, dtype, eval, eye, get_uid, get_value,
    get_variable_shape, identity, int_shape, is_keras_tensor, is_placeholder, is_symbolic, is_tensor,
    is_variable, manual_variable_initialization, name_scope, ndim, ones, ones_like, pattern_broadcast, placeholder,
    print_tensor, random_normal_variable, random_uniform_variable, reset_uids, set_value, shape, size,
    transpose_shape, variable, zeros, zeros_like,
)  # fmt: skip

__all__ = [name for name in dir() if not name.startswith("_")]

# Modules of Keras 2, which hand these names on.
from . import common, load_backend, tensorflow_backend  # isort: skip
from .older_names import find as __getattr__  # isort: skip

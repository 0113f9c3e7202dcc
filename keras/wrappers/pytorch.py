"""Keras models as PyTorch modules, and PyTorch modules as Keras layers.

    module = as_module(model)                  # a torch.nn.Module: on any backend
    model.add(TorchModule(torch.nn.GRUCell(8, 8)))      # a layer: KERAS_BACKEND=torch
"""

from .. import backend as K
from ..backend import functions
from ..engine.base_layer import Layer
from ..graph.program import build
from ..initializers import Constant
from ..utils.generic_utils import get_custom_objects, to_list


def as_module(model):
    """A `torch.nn.Module` that computes what the model computes, to be used and trained by PyTorch alone.

    Its parameters and buffers are copies of the model's weights, called after them ('dense_1.kernel').
    `module.write_back()` brings them to the Keras model. The module comes in `eval()` mode, in which it gives the
    same numbers as `predict`; `train()` switches Dropout and BatchNormalization to training.

    Args:
        model: one that has inputs and outputs; a subclassed one must have been called on data.

    Raises:
        ImportError: without PyTorch.
        ValueError: for a model without inputs yet.

    Example:
        module = as_module(model)
        optimizer = torch.optim.Adam(module.parameters())
        loss = torch.nn.functional.mse_loss(module(x), y)
        loss.backward()
        optimizer.step()
    """
    _torch()
    from ..runtimes.torch.module import ProgramModule

    if not getattr(model, "outputs", None):
        raise ValueError(
            f"The model {getattr(model, 'name', model)!r} has no inputs and outputs yet. Give its first layer an "
            "input_shape, or call the model on data (fit or predict) first."
        )
    updates = model.state_updates, _unique([*model.get_updates_for(model.inputs), *model.state_updates])
    programs = tuple(
        build(model._feed_inputs, model.outputs, updates[phase], functions._PHASE, phase) for phase in (0, 1)
    )
    weights = model.weights
    read = [v for p in programs for v in (*(v for v, _ in p.variables), *(v for v, _ in p.updates))]
    variables = list(dict.fromkeys([*weights, *read]))
    values = dict(zip(variables, K.batch_get_value(variables)))
    trained = [w for w in weights if getattr(w, "trainable", True)]

    module = ProgramModule(programs, values, trained, K.batch_set_value)
    frozen = set(weights).difference(model.trainable_weights)
    for variable in trained:
        if variable in frozen:
            module._tensor(variable).requires_grad_(False)
    return module.eval()


def _unique(updates):
    return list({id(variable): (variable, value) for variable, value in updates}.values())


class TorchModule(Layer):
    """A `torch.nn.Module` as a layer, on the PyTorch backend.

    Its parameters become trainable weights of the layer, its buffers weights that are not trained; they start with
    the module's values and from then on belong to Keras: `fit` trains them, files hold them. The module is run in
    `train()` mode where Keras trains and in `eval()` mode elsewhere; what it changes in its buffers (moving
    averages) is kept. Parameters that need no gradient are not trained.

    Args:
        module: takes the layer's inputs, tensors, one by one, and gives a tensor or several.

    Raises:
        ValueError: on another backend.
        TypeError: if `module` is none.

    A file holds the weights and the name of the module's class, not its code. To load a whole model, hand in the
    module, or a function that makes it, by that name: `load_model(path, custom_objects={'MyNet': MyNet()})`.
    """

    def __init__(self, module, **kwargs):
        if not isinstance(module, _torch().nn.Module):
            raise TypeError(f"TorchModule: wanted a torch.nn.Module, got {module!r}.")
        if K.backend() != "torch":
            raise ValueError(
                f"TorchModule: a PyTorch module runs on the PyTorch backend; this is {K.backend()!r}. Start Python "
                "with KERAS_BACKEND=torch in the environment."
            )
        super().__init__(**kwargs)
        self.module = module

    def build(self, input_shape):
        parameters = dict(self.module.named_parameters())
        self._state = {**parameters, **dict(self.module.named_buffers())}
        self._variables = {}
        for name, tensor in self._state.items():
            self._variables[name] = self.add_weight(
                name=name.replace(".", "/"),
                shape=tuple(tensor.shape),
                dtype=str(tensor.dtype).removeprefix("torch."),
                initializer=Constant(tensor.detach().cpu().numpy()),
                trainable=name in parameters and tensor.requires_grad,
            )
        super().build(input_shape)

    def call(self, inputs):
        inputs = to_list(inputs, allow_tuple=True)
        calm = self._run(inputs, False)
        busy = self._run(inputs, True)
        buffers = [name for name, _ in self.module.named_buffers()]
        if buffers:
            changed = busy[len(busy) - len(buffers) :]
            busy = busy[: len(busy) - len(buffers)]
            updates = [(self._variables[name], value) for name, value in zip(buffers, changed)]
            self.add_update(updates, inputs)
        outputs = [K.in_train_phase(x, y) for x, y in zip(busy, calm[: len(busy)])]
        return outputs[0] if len(outputs) == 1 else outputs

    def _run(self, inputs, training):
        """The module's outputs, and in training the buffers as they are afterwards."""
        names = list(self._variables)
        count, module = len(inputs), self.module
        buffers = [name for name, _ in module.named_buffers()] if training else []
        kinds = {name: tensor.dtype for name, tensor in self._state.items()}

        def function(*arrays):
            # Copies: a module writes its moving averages into its buffers.
            state = {
                name: array.to(kinds[name], copy=name in buffers) for name, array in zip(names, arrays[count:])
            }
            module.train(training)
            found = _torch().func.functional_call(module, state, tuple(arrays[:count]))
            return [*to_list(found, allow_tuple=True), *(state[name] for name in buffers)]

        return to_list(K.native(function)(*inputs, *self._variables.values()))

    def compute_output_shape(self, input_shape):
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        inputs = [K.placeholder(shape=shape) for shape in shapes]
        found = [K.int_shape(x) for x in self._run(inputs, False)]
        return found[0] if len(found) == 1 else found

    def write_back(self):
        """Sets the module's parameters and buffers to the layer's weights."""
        torch = _torch()
        with torch.no_grad():
            for name, value in zip(self._variables, K.batch_get_value(list(self._variables.values()))):
                self._state[name].copy_(torch.as_tensor(value))

    def get_config(self):
        return {**super().get_config(), "module": type(self.module).__name__}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        name = config["module"]
        known = {**get_custom_objects(), **(custom_objects or {})}
        if name not in known:
            raise ValueError(
                f"The layer {config.get('name')!r} runs a PyTorch module of the class {name!r}, whose code is not in "
                f"the file. Hand it in: custom_objects={{{name!r}: module}} (the module, or a function that makes it)."
            )
        made = known[name]
        config["module"] = made if isinstance(made, _torch().nn.Module) else made()
        return cls(**config)


def _torch():
    try:
        import torch
    except ImportError as error:
        raise ImportError("This needs PyTorch: pip install torch") from error
    return torch


__all__ = ["TorchModule", "as_module"]

"""One model on several devices: each takes its part of every batch."""

from contextlib import nullcontext

from .. import backend as K
from ..backend.config import runtime
from ..engine.training import Model
from ..layers.core import Lambda
from ..layers.merge import concatenate
from ..models import clone_model
from .generic_utils import to_list


def multi_gpu_model(model, gpus=None, cpu_merge=True, cpu_relocation=False):
    """A model that cuts each batch into parts, applies `model` to each, and joins the results.

    The weights are those of `model` (the template), so both see the same numbers after training. A
    layer that looks at the whole batch, such as BatchNormalization, sees its part only. To keep the
    model, save the template: `model.save(path)`.

    The devices work at the same time on JAX, where batches must be divisible by their number (the parts of
    others are computed one after the other: choose a `batch_size` that is a multiple), on TensorFlow and on
    PyTorch. The numbers are the same: where batches are not divisible, the last part takes what is left over;
    each part draws its own dropout masks; and moving averages of BatchNormalization take the changes by all
    parts, each computed from the old value, so that with n parts they move n times as fast as `momentum` says.

    Args:
        model: the template, a graph model or Sequential.
        gpus: number of devices (2 or more), or a list of their numbers; None for all there are.
        cpu_merge: without effect; where results are joined is the engine's choice.
        cpu_relocation: whether to work on a copy of the template instead; it starts with its weights.

    Returns:
        A Model with the inputs of the template and outputs of the same names, to be compiled.

    Raises:
        ValueError: for a model without a graph, for fewer than 2 devices, or for more than the
            machine has. On a machine with none,
            `XLA_FLAGS=--xla_force_host_platform_device_count=8` in the environment makes JAX offer 8
            devices on the CPU.

    Example:
        model = Xception(weights=None, input_shape=(224, 224, 3), classes=1000)
        parallel_model = multi_gpu_model(model, gpus=8)
        parallel_model.compile(loss='categorical_crossentropy', optimizer='rmsprop')
        parallel_model.fit(x, y, epochs=20, batch_size=256)  # 32 samples in each part
        model.save('my_model.h5')
    """
    devices = _devices(gpus)
    if not getattr(model, "_is_graph_network", False):
        raise ValueError(
            f"`multi_gpu_model` takes a model whose inputs are known, got {model!r}. Give the first layer of a "
            "Sequential model an `input_shape`; write a subclassed model as a functional one."
        )
    if cpu_relocation:
        template, model = model, clone_model(model)
        model.set_weights(template.get_weights())
    results = []
    for i, number in enumerate(devices):
        with _placed(number):
            results.append(to_list(model(_part_of_inputs(model, i, devices))))
    merged = [concatenate(list(outputs), axis=0, name=name) for name, outputs in zip(model.output_names, zip(*results))]
    return Model(model.inputs, merged)


def _devices(gpus):
    """Numbers of the devices asked for, once it is clear that the machine has them."""
    available = _available_devices()
    if not gpus:
        gpus = len(available)
    if isinstance(gpus, (list, tuple)):
        if len(gpus) <= 1:
            raise ValueError(
                "For multi-gpu usage to be effective, call `multi_gpu_model` with `len(gpus) >= 2`. "
                f"Received: `gpus={gpus}`"
            )
        numbers = list(gpus)
    else:
        if gpus <= 1:
            raise ValueError(
                f"For multi-gpu usage to be effective, call `multi_gpu_model` with `gpus >= 2`. Received: `gpus={gpus}`"
            )
        numbers = list(range(gpus))
    wanted = ["/cpu:0"] + [f"/gpu:{number}" for number in numbers]
    if not set(wanted) <= {"/cpu:0", *available}:
        raise ValueError(
            f"To call `multi_gpu_model` with `gpus={gpus}`, we expect the following devices to be available: {wanted}. "
            f"However this machine only has: {['/cpu:0', *available]}. Try reducing `gpus`. (JAX divides a CPU into 8 "
            "devices if XLA_FLAGS=--xla_force_host_platform_device_count=8 is set in the environment.)"
        )
    return numbers


def _available_devices():
    """What devices are called here: numbered, whatever their kind."""
    return [f"/gpu:{number}" for number in range(len(_accelerators()))]


def _accelerators():
    """The engine's names of its accelerators; without any, of the devices its CPU is divided into."""
    devices = list(dict.fromkeys(runtime().devices()))
    accelerators = [name for name in devices if not name.startswith("cpu")]
    return accelerators or (devices if len(devices) > 1 else [])


def _placed(number):
    """The scope in which a part is built. Where the compiler spreads the parts itself, it needs no names."""
    if runtime().parallel_devices() > 1:
        return nullcontext()
    return K.device_scope(f"/{_accelerators()[number]}")


def _part_of_inputs(model, i, devices):
    """Layers' outputs that hold part i of each of the model's inputs."""
    arguments = {"i": i, "devices": devices}
    return [Lambda(_part, output_shape=K.int_shape(x)[1:], arguments=arguments)(x) for x in model.inputs]


def _part(data, i, devices):
    """Samples of part i; the last part takes what is left over."""
    return K.part(data, i, devices)

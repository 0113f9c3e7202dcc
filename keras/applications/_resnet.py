"""What ResNet, ResNetV2 and ResNeXt share."""

from ..layers import Activation, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D
from ._building import (
    KERAS_APPLICATIONS, channel_axis, check_arguments, classified, finished, image_input, pooled, top_and_notop,
)  # fmt: skip

_MD5 = {  # with the top, without
    "resnet50": ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "resnet50v2": ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
    "resnext50": ("67a5b30d522ed92f75a1f16eef299d1a", "62527c363bdd9ec598bed41947b379fc"),
    "resnext101": ("34fb605428fcc7aa4d62f44404c11509", "0f678c91647380debd923963594981b3"),
}
_FILTERS = (64, 128, 256, 512)


def residual_net(name, block, depths, arguments, preactivated=False, use_bias=True, stride_at_end=False, widening=1):
    """A residual net.

    Args:
        name: of the model and its files.
        block: function (x, filters, name, strides, projected) -> x. `projected`: whether the shortcut needs a
            convolution.
        depths: number of blocks in each of the four stages.
        arguments: include_top, weights, input_tensor, input_shape, pooling, classes, kwargs: the user's.
        preactivated: whether normalisation and activation come before the convolutions (V2).
        use_bias: of the first convolution.
        stride_at_end: whether the last block of a stage shrinks the picture, not the first.
        widening: factor of the number of filters that blocks are given.
    """
    include_top, weights, input_tensor, input_shape, pooling, classes, kwargs = arguments
    check_arguments(weights, include_top, classes, kwargs)
    image = image_input(input_tensor, input_shape, 224, 32, include_top, weights)
    x = _stem(image, preactivated, use_bias)
    for stage, depth in enumerate(depths, 2):
        shrinking = _shrinking(stage, depth, stride_at_end)
        for i in range(1, depth + 1):
            strides = 2 if i == shrinking else 1
            x = block(x, widening * _FILTERS[stage - 2], f"conv{stage}_block{i}", strides, projected=i == 1)
    if preactivated:
        x = active(normed(x, "post_bn"), "post_relu")
    x = classified(x, classes, "probs") if include_top else pooled(x, pooling, named=True)
    files = top_and_notop(KERAS_APPLICATIONS + "resnet/", name, *_MD5[name])
    return finished(name, image, input_tensor, x, weights, files[bool(include_top)])


def _shrinking(stage, depth, at_end):
    """Which block of a stage has a stride of 2; 0 for none. The pooling before the stages stands for one."""
    if at_end:
        return depth if stage < 5 else 0
    return 1 if stage > 2 else 0


def _stem(x, preactivated, use_bias):
    x = ZeroPadding2D(((3, 3), (3, 3)), name="conv1_pad")(x)
    x = Conv2D(64, 7, strides=2, use_bias=use_bias, name="conv1_conv")(x)
    if not preactivated:
        x = active(normed(x, "conv1_bn"), "conv1_relu")
    x = ZeroPadding2D(((1, 1), (1, 1)), name="pool1_pad")(x)
    return MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def normed(x, name):
    return BatchNormalization(axis=channel_axis(), epsilon=1.001e-5, name=name)(x)


def active(x, name):
    return Activation("relu", name=name)(x)

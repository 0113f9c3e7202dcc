"""The limit: training loops written by hand in JAX and in PyTorch, for the cases where that is sensible."""

CASES = {
    "raw_jax": ("tiny_mlp", "mlp", "mnist_cnn", "conv1d", "lstm", "bidirectional", "transformer"),
    "raw_torch": (
        "tiny_mlp", "mlp", "mnist_cnn", "cifar_cnn", "conv1d", "lstm", "bidirectional", "stateful", "char_lstm",
        "transformer", "resnet50", "mobilenet",
    ),
}  # fmt: skip

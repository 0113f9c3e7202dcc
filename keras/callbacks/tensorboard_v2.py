"""The path `keras.callbacks.tensorboard_v2` of 2.3, which had the callback for TensorFlow 2."""

from ..utils.near_names import argument_meant
from . import tensorboard_v1


class TensorBoard(tensorboard_v1.TensorBoard):
    """See `keras.callbacks.TensorBoard`; `batch_size=None` means 32.

    Raises:
        TypeError: unknown arguments.
    """

    def __init__(
        self, log_dir="./logs", histogram_freq=0, batch_size=None, write_graph=True, write_grads=False,
        write_images=False, embeddings_freq=0, embeddings_layer_names=None, embeddings_metadata=None,
        embeddings_data=None, update_freq="epoch", **kwargs,
    ):  # fmt: skip
        if kwargs:
            hint = argument_meant(kwargs, type(self))
            raise TypeError(f"TensorBoard got unknown arguments: {', '.join(kwargs)}.{hint}")
        super().__init__(
            log_dir=log_dir, histogram_freq=histogram_freq, batch_size=batch_size or 32, write_graph=write_graph,
            write_grads=write_grads, write_images=write_images, embeddings_freq=embeddings_freq,
            embeddings_layer_names=embeddings_layer_names, embeddings_metadata=embeddings_metadata,
            embeddings_data=embeddings_data, update_freq=update_freq,
        )  # fmt: skip


__all__ = ["TensorBoard"]

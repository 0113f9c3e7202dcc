"""Embeddings for the page "Projector" of TensorBoard."""

import os

import numpy as np

from ..saving import atomic


def write_projector(folder, embeddings):
    """Writes embeddings as text, and the settings that lead TensorBoard to them.

    Args:
        folder: that of the event files.
        embeddings: {layer name: (array (rows, numbers), path of a file with labels or `None`)}.
    """
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    config = ProjectorConfig()
    for name, (array, metadata) in embeddings.items():
        file_name = f"{name.replace('/', '_')}_embedding.tsv"
        with atomic.replacing(os.path.join(folder, file_name)) as temporary:
            np.savetxt(temporary, array, fmt="%.7g", delimiter="\t")
        added = config.embeddings.add(tensor_name=f"{name}_embedding", tensor_path=file_name)
        added.tensor_shape.extend(array.shape)
        if metadata is not None:
            added.metadata_path = os.fspath(metadata)
    text = text_format.MessageToString(config)
    atomic.write_bytes(os.path.join(folder, "projector_config.pbtxt"), text.encode())


__all__ = ["write_projector"]

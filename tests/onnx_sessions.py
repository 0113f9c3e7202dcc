"""ONNX models in onnxruntime, for the tests of the export."""

import onnx
import onnxruntime


def session_of(proto):
    """A session on one thread, for a model that ONNX's own checks have found valid."""
    onnx.checker.check_model(proto, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, ["CPUExecutionProvider"])


def run(proto, arrays):
    """The outputs for arrays in the order of the model's inputs."""
    session = session_of(proto)
    return session.run(None, {i.name: a for i, a in zip(session.get_inputs(), arrays, strict=True)})

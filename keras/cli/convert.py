"""Convert a model from one file format to another; the endings of the names say which.

  .h5, .hdf5         a whole model, as Keras 2, tf.keras 2 and Keras 3 load it
  .keras             a whole model, as Keras 3 loads it
  .onnx              for onnxruntime and other programs (needs: pip install onnx)
  .weights.h5        weights alone, in Keras 2's layout
  .safetensors       weights alone (needs: pip install safetensors)
  .json, .yaml       the architecture alone, as text

What the input is goes by its content. Old files (Keras 1, 2, tf.keras) come out in the words of Keras 2.3.1.
"""

import os

from . import files

SUMMARY = "convert a model to another format"
EXAMPLES = """\
examples:
  keras convert old.h5 new.keras
  keras convert model.h5 model.onnx
  keras convert model.json model.h5 --weights weights.h5
  keras convert model.keras architecture.yaml
"""


def add_to(parser):
    parser.add_argument("input", help="the file to read")
    parser.add_argument("output", help="the file to write")
    files.add_options(parser)
    parser.add_argument("--overwrite", action="store_true", help="write even if the output file exists")


def run(options):
    ending = files.ending(options.output)
    if os.path.exists(options.output) and not options.overwrite:
        raise FileExistsError(f"{options.output} exists already. Say --overwrite to replace it.")
    keeps_training = ending in (".h5", ".hdf5", ".keras")
    model, has_weights = files.load(options.input, options.weights, options.run_code, compile=keeps_training)
    if not has_weights and ending not in files.TEXT:
        raise ValueError(
            f"{options.input} is an architecture without weights, so {options.output} would predict nonsense. Name the"
            " file that holds the weights: --weights FILE."
        )
    write(model, options.output)
    size = os.path.getsize(options.output)
    print(f"{options.output}: {files.ENDINGS[ending]}, {model.count_params():,} parameters, {size:,} bytes")
    return 0


def write(model, path):
    """Write a model to a file of the kind that its ending says."""
    ending = files.ending(path)
    if ending in files.TEXT:
        from ..saving import atomic

        text = model.to_json(indent=2) if ending == ".json" else model.to_yaml()
        atomic.write_bytes(path, text.encode("utf-8"))
    elif ending == ".onnx":
        from ..export import export_onnx

        export_onnx(model, path)
    elif ending in (".safetensors", ".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)

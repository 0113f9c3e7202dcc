"""Tell what is in a model's file, without building the model or running anything in it.

Prints what kind of file it is, which program wrote it, its layers and parameters, what in it is code, and whether
it is safe to load. Reads .h5, .keras, .safetensors, JSON and YAML.
"""

import dataclasses
import json

SUMMARY = "tell what is in a file, and whether it is safe to load"
EXAMPLES = """\
examples:
  keras info model.h5
  keras info --json model.keras

Exit code 1: the file is damaged, would not load as it is, or holds what would run or reach outside of it.
"""


def add_to(parser):
    parser.add_argument("file", help="a model, weights, or an architecture as text")
    parser.add_argument("--json", action="store_true", help="print JSON for programs instead of text")


def run(options):
    from ..saving.describe import describe

    found = describe(options.file)
    if options.json:
        print(json.dumps({**dataclasses.asdict(found), "safe": found.safe}, indent=2))
    else:
        print(found)
    return 0 if found.safe and not found.problems else 1

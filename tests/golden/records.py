"""Reading the records: `manifest.json`, and for each its arrays."""

import json
import os

import numpy as np


class Record:
    """One record: its fields in the manifest, its arrays and its files."""

    def __init__(self, folder, fields):
        self.folder = folder
        self.fields = fields
        self.name = fields["name"]
        self.kind = fields["kind"]
        self.tags = set(fields.get("tags", ()))
        with np.load(os.path.join(folder, f"{self.name}.npz"), allow_pickle=False) as arrays:
            self.arrays = dict(arrays)

    def path(self, extension):
        return os.path.join(self.folder, f"{self.name}.{extension}")

    def text(self, extension):
        with open(self.path(extension), encoding="utf-8") as file:
            return file.read()

    def numbered(self, prefix, suffix=""):
        """[x0, x1, ...] as far as they go."""
        found = []
        while f"{prefix}{len(found)}{suffix}" in self.arrays:
            found.append(self.arrays[f"{prefix}{len(found)}{suffix}"])
        return found

    @property
    def calls(self):
        return self.fields.get("calls") or 1

    @property
    def inputs(self):
        """The inputs of training and evaluation: those of the first call, where there are several."""
        return self.numbered("x", "_call0") if self.calls > 1 else self.numbered("x")

    @property
    def sample_weights(self):
        found = [self.arrays.get(f"sw{number}") for number in range(self.fields["n_outputs"])]
        return None if all(weight is None for weight in found) else found

    @property
    def class_weight(self):
        weights = self.fields.get("class_weight")
        return {int(name): value for name, value in weights.items()} if weights else None

    def tolerance(self, what):
        given = self.fields["tolerance"].get(what) or self.fields["tolerance"].get("y") or {}
        return given.get("rtol", 1e-5), given.get("atol", 1e-6)


def names(folder, kinds=None):
    """The names of all records in a folder, or of those of some kinds."""
    return [fields["name"] for fields in manifest(folder) if kinds is None or fields["kind"] in kinds]


def manifest(folder):
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        return json.load(file)["cases"]


def read(folder, name):
    """The record of this name. Raises KeyError if there is none."""
    for fields in manifest(folder):
        if fields["name"] == name:
            return Record(folder, fields)
    raise KeyError(f"There is no record {name!r} in {folder!r}.")

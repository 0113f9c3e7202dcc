"""The MLP, fed from elsewhere than arrays; `arrays_ms` is the same `fit` from arrays in the same process."""

import os
import tempfile

import numpy as np
from sessions import Session, is_keras_3

from .dense import MLP


class FedSession(Session):
    def fit_arrays(self):
        super().fit(shuffle=False)

    def batch(self, i):
        n = self.case.batch
        return self.x[i * n : (i + 1) * n], self.y[i * n : (i + 1) * n]

    def mean_loss(self, *data, **options):
        return float(self.model.fit(*data, epochs=1, verbose=0, shuffle=False, **options).history["loss"][-1])


class GeneratorSession(FedSession):
    def fit(self, shuffle=False):
        batches = (self.batch(i) for i in range(self.case.steps))
        return self.mean_loss(batches, steps_per_epoch=self.case.steps)


class SequenceSession(FedSession):
    """Two workers (threads)."""

    def fit(self, shuffle=False):
        session, new = self, is_keras_3(self.keras)

        class Batches(self.keras.utils.Sequence):
            def __len__(self):
                return session.case.steps

            def __getitem__(self, i):
                return session.batch(i)

        if new:
            return self.mean_loss(Batches(workers=2))
        return self.mean_loss(Batches(), workers=2)


class HDF5Session(FedSession):
    """Datasets in a file, compressed in no way, read in order."""

    def __init__(self, case, keras, options):
        import h5py

        super().__init__(case, keras, options)
        with tempfile.TemporaryDirectory() as folder:  # open, the file lives on without its name
            self.file = h5py.File(os.path.join(folder, "data.h5"), "w")
        self.stored = [
            self.file.create_dataset(name, data=array, chunks=(case.batch, array.shape[1]))
            for name, array in (("x", self.x), ("y", self.y))
        ]

    def fit(self, shuffle=False):
        return self.mean_loss(*self.stored, batch_size=self.case.batch)


class FromGenerator(MLP):
    name, title, session = "generator", "the MLP, fit from a generator", GeneratorSession
    measures = ("fit_ms", "arrays_ms")

    def data(self):
        x, y = super().data()
        return np.ascontiguousarray(x), y


class FromSequence(FromGenerator):
    name, title, session = "sequence", "the MLP, fit from a Sequence with 2 workers", SequenceSession


class FromHDF5(FromGenerator):
    name, title, session = "hdf5", "the MLP, fit from datasets in an HDF5 file", HDF5Session


CASES = [FromGenerator, FromSequence, FromHDF5]

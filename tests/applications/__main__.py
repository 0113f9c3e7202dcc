"""`python -m tests.applications [NAME ...]`: predictions of all nets, or those named, in both data formats."""

import sys

import numpy as np

from keras import backend as K

from . import reference

RTOL, ATOL = 1e-4, 1e-6


def main(names):
    failed = 0
    for data_format in ("channels_last", "channels_first"):
        K.set_image_data_format(data_format)
        for name in names or reference.ARCHITECTURES:
            found, wanted = reference.outputs(name)
            share = np.max(np.abs(found - wanted) / (ATOL + RTOL * np.abs(wanted)))
            failed += not share <= 1
            print(f"{name}, {data_format}: difference {share:.3f} of what is allowed", flush=True)
    print("All agree." if not failed else f"{failed} do not agree.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

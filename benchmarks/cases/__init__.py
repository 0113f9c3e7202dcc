"""All cases by name, in the order in which they run."""

from . import adversarial, applications, attention, dense, feeding, images, sequences

KINDS = (dense, images, sequences, attention, adversarial, feeding, applications)
CASES = {case.name: case for kind in KINDS for case in kind.CASES}

"""How many processors there are for us."""

import os


def usable() -> int:
    """How many processors this process may use; all of the machine's where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

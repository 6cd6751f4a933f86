"""How many cores may this process use, and how are they shared by several?"""

import os

__all__ = ["share_cores", "usable_cores"]


def usable_cores() -> int:
    """How many cores this process may run on: in a container, or under `taskset`, fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_cores(workers: int) -> None:
    """Let this process compute with its share of the cores, one of `workers`, unless the environment says how many.

    It has to be called before a numerical library is loaded, which reads it then.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // workers)))

"""Keeps the C allocator from handing large blocks back to the system after every operation.

glibc maps large blocks afresh and hands them back when freed, and the kernel then zeroes their pages on first touch.
The gain on planned runs lies within the noise of the machines it was measured on; see decision 0006.
"""

import ctypes
import os
import sys

__all__ = ["give_back", "keep_large_blocks"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LIMIT = 2**30


def keep_large_blocks() -> bool:
    """Raises glibc's thresholds in this process; False where there is no glibc or the user has set them."""
    if not sys.platform.startswith("linux") or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, _LIMIT) and mallopt(_M_TRIM_THRESHOLD, _LIMIT))


def give_back() -> None:
    """Returns what is free to the system; called when a plan is done, so that its memory does not stay."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None
    if trim is not None:
        trim(0)

"""On what is a training computed: a device that is there, and one thread, so that sums come out in one order?"""

from collections.abc import Generator
from contextlib import contextmanager

import torch

from aetia.errors import StudyError

__all__ = ["check_device", "one_thread"]


def check_device(device: str) -> None:
    """Refuse a device that torch cannot compute on here.

    Raises:
        StudyError: AE-9203 if there is no such device.
    """
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        found = f"Nothing can be computed on the device {device!r}."
        raise StudyError("AE-9203", found, details=(reason,), mend="use --device cpu") from error


@contextmanager
def one_thread() -> Generator[None]:
    """Compute on one thread of the processor within."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

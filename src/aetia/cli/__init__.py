"""How does one ask from a shell?

One module a verb; each is imported when it is called, so that `aetia --help` is quick and never loads torch.
"""

from aetia.cli.application import main

__all__ = ["main"]

"""Which number can be read at the end of a run, and in which unit?"""

from typing import Literal, get_args

__all__ = ["KINDS", "UNITS", "OutcomeKind"]

OutcomeKind = Literal["logit_difference", "log_probability", "probability", "kl", "accuracy"]
KINDS: tuple[OutcomeKind, ...] = get_args(OutcomeKind)
UNITS: dict[OutcomeKind, str] = {
    "logit_difference": "logits",
    "log_probability": "nats",
    "probability": "probability",
    "kl": "nats",
    "accuracy": "share",
}

"""What has to hold for the reads that were kept to suffice, and how is it said?"""

from aetia.effects import Effects

__all__ = ["CLAIMS", "SUFFICES", "pathway_verdict"]

SUFFICES = "suffices"
"""Of the effects' provenance: the reads that suffice; empty unless all claims hold."""

CLAIMS = {
    "above chance": "the model is right more often than by other items' answers",
    "enough": "the kept reads keep the share that was asked for, by the lower end of its interval",
    "more than random": "they keep more than as many random reads of the same rows and kinds",
}
"""What has to hold for kept reads to suffice, by the name under which the provenance says whether it does."""


def pathway_verdict(effects: Effects) -> str:
    """Whether the kept reads suffice, and if not, which claims did not hold, in words."""
    if found := effects.provenance[SUFFICES]:
        return f"Enough for the answer: {found}. All three claims hold."
    broken = [words for name, words in CLAIMS.items() if effects.provenance[name] == "no"]
    return f"No reads are shown to suffice. Not shown: {'; '.join(broken)}."

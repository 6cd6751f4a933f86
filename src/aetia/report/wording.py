"""What was done to the sites, in words?"""

from dataclasses import dataclass

__all__ = ["CORRECTIONS", "INTERVENTIONS", "READINGS", "Wording", "wording"]


@dataclass(frozen=True)
class Wording:
    """How a method is spoken of.

    Args:
        title: The method's name.
        action: What happens to one site, with `{site}` in it, as the subject of a sentence.
        claim: The verb that joins the action and its effect.
        reading: What a positive effect means.
        caveat: What an effect by this method does not show.
    """

    title: str
    action: str
    claim: str
    reading: str
    caveat: str


_DENOISE = Wording(
    "Activation patching, clean into corrupted",
    "Restoring {site} from the clean run",
    "moves the answer by",
    "Positive: putting the clean value back into the corrupted run moves the outcome towards the clean answer.",
    "Restoring is not necessity. A site whose clean value brings the answer back is sufficient in this corrupted run; "
    "the model may well answer without it, and sites that work only together show nothing here. The direction "
    "noise asks what is needed.",
)
_NOISE = Wording(
    "Activation patching, corrupted into clean",
    "Replacing {site} by its corrupted value",
    "moves the answer by",
    "Negative: putting the corrupted value into the clean run takes the outcome away from the clean answer.",
    "Breaking is not sufficiency. A site whose corrupted value spoils the answer is needed in this clean run; it need "
    "not carry the answer by itself, and a site with a backup shows nothing here. The direction "
    "denoise asks what suffices.",
)
_ABLATION = (
    "An ablated model is a model off its usual path: an effect can come from values that never occur, and later parts "
    "may make up for what was removed."
)
INTERVENTIONS: dict[str, Wording] = {
    "zero": Wording(
        "Zero ablation",
        "Setting {site} to zero",
        "moves the answer by",
        "Negative: the outcome falls when the site is zero.",
        f"Zero is an arbitrary value, often far from any that the model produces. {_ABLATION}",
    ),
    "mean": Wording(
        "Mean ablation",
        "Setting {site} to its mean over the items",
        "moves the answer by",
        "Negative: the outcome falls when the site no longer tells items apart.",
        f"The mean removes only what differs between these items; what they share stays. {_ABLATION}",
    ),
    "resample": Wording(
        "Resample ablation",
        "Replacing {site} by its value in another item",
        "moves the answer by",
        "Negative: the outcome falls when the site speaks of another item.",
        f"The value of another item may carry that item's answer rather than no answer. {_ABLATION}",
    ),
    "noise": Wording(
        "Noise tracing",
        "Restoring {site} while the input is noised",
        "moves the answer by",
        "Positive: the clean value brings the outcome back although the input is noised.",
        "Gaussian noise on embeddings is far from any text, and the result depends on its size. Restoring is not "
        "necessity.",
    ),
    "attribution": Wording(
        "Attribution patching",
        "To first order, patching {site}",
        "would move the answer by",
        "A linear estimate of what patching would do, from one gradient.",
        "Attribution is a linear estimate, not an intervention: it misses saturated sites and can have the wrong sign. "
        "Confirm what matters with exact patching.",
    ),
    "path": Wording(
        "Path patching",
        "Patching the direct paths from {site}",
        "moves the answer by",
        "The effect that goes through the chosen receivers only.",
        "Path patching freezes everything off the path; what flows through other routes is left out by construction.",
    ),
    "knockout": Wording(
        "Attention knockout",
        "Cutting attention to {site}",
        "moves the answer by",
        "Negative: the outcome falls when these positions can no longer be read.",
        "A knocked-out edge re-weights the others, since attention sums to one; and information may have been moved "
        "elsewhere before the cut.",
    ),
}
READINGS: dict[str, Wording] = {
    "total": Wording(
        "Total effect",
        "Exchanging the whole corrupted prompt for the clean one",
        "moves the answer by",
        "The outcome on the clean prompts minus that on the corrupted ones.",
        "The total effect is that of all that differs between the prompts. It says nothing of where in the network it "
        "arises.",
    ),
    "logit_lens": Wording(
        "Logit lens",
        "Reading {site} as if it were the last layer",
        "gives",
        "The outcome that the last layer's norm and unembedding read from the residual stream after each layer.",
        "The lens reads a middle layer with the last layer's norm and unembedding. That a layer cannot be read so "
        "does not mean that the answer is not there; and what can be read need not be used.",
    ),
    "direct": Wording(
        "Direct attribution",
        "What {site} writes straight to the outcome",
        "is",
        "What each part adds to the outcome at the last position, with the final norm held fixed.",
        "Direct attribution counts only what a part writes straight to the outcome, with the final norm held "
        "fixed. What reaches it through later parts is not counted; nothing was intervened on.",
    ),
}
"""Numbers of the plain runs that are tested as families of their own, though nothing is done at any site."""

CORRECTIONS: dict[str, tuple[str, str]] = {
    "max-t": ("max-T", "where the null's claim holds, the chance that any cell passes is at most {rate}"),
    "holm": ("Holm", "where the null's claim holds, the chance that any cell passes is at most {rate}"),
    "bh": ("Benjamini-Hochberg", "of the cells that pass, at most {rate} owe it to chance on average"),
}
"""The name of each correction for the number of cells, and what it promises."""


def wording(method: str, direction: str) -> Wording:
    """Return how `method` is spoken of; a method unknown here keeps its own name and claims nothing more."""
    if method == "patch":
        return _NOISE if direction == "noise" else _DENOISE
    unknown = Wording(method, "Intervening on {site}", "moves the answer by", "", "This page knows nothing more of it.")
    return INTERVENTIONS.get(method) or READINGS.get(method, unknown)

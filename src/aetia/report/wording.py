"""What was done to the sites, in words?"""

from dataclasses import dataclass

__all__ = ["CHECKS", "CORRECTIONS", "INTERVENTIONS", "READINGS", "Wording", "wording"]


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
INTERVENTIONS["excess"] = Wording(
    "Interchange accuracy above a half",
    "Interchanging the variable by the map {site}",
    "gives the expected answer above a half by",
    "Positive: through the map, more than half of the held-out interchanges give the expected token. A network that "
    "does its task has \N{MINUS SIGN}0.5 at a site without the variable, since nothing changes there.",
    "A map that reads the variable need not be the only one, nor need the network use the variable elsewhere. The "
    "interval is that of these maps on items like these: other maps, from other items, may do otherwise.",
)
_CIRCUIT = (
    "A circuit is that of its contrasts, its reference and its outcome; parts that stand in for each other can both "
    "look idle, and what is left out is not shown to do nothing."
)
_FIRST_ORDER = (
    "It is gradient times difference, not an intervention: a saturated softmax hides parts, and signs can be wrong. "
    f"Confirm with patching. {_CIRCUIT}"
)
_CIRCUITS: dict[str, Wording] = {
    "eap": Wording(
        "Edge attribution patching (EAP)",
        "To first order, leaving out {site}",
        "would cost the answer",
        "Positive: leaving it out would lower the outcome. From one gradient, in the clean run.",
        _FIRST_ORDER,
    ),
    "eap-ig-inputs": Wording(
        "Edge attribution with integrated gradients, inputs (EAP-IG)",
        "To first order, leaving out {site}",
        "would cost the answer",
        "Positive: leaving it out would lower the outcome. From gradients between the reference and the clean input.",
        _FIRST_ORDER,
    ),
    "eap-ig-activations": Wording(
        "Edge attribution with integrated gradients, activations (EAP-IG)",
        "To first order, leaving out {site}",
        "would cost the answer",
        "Positive: leaving it out would lower the outcome. From gradients on the way of each group of heads or MLP.",
        _FIRST_ORDER,
    ),
    "patching": Wording(
        "Exact edge patching",
        "Leaving out {site}",
        "costs the answer",
        "Positive: the outcome falls when what is left out carries its reference value; each alone, in the clean run.",
        f"One at a time, exact: two parts that stand in for each other show nothing. {_CIRCUIT}",
    ),
    "path-intervention": Wording(
        "Path-intervention explanatory graph",
        "Cutting {site}",
        "costs the answer",
        "Edges found from the output back, measured on items that the search has not seen. What shows its effect only "
        "together with others is cut with them.",
        f"The rule that keeps an edge is a reconstruction of the paper's. {_CIRCUIT}",
    ),
    "acdc": Wording(
        "Automatic circuit discovery (ACDC)",
        "Cutting {site} from the circuit that was found",
        "costs the answer",
        "Edges that stayed when all that did little harm was removed, measured on items that the search has not seen.",
        f"The order of removal decides which of two like edges stays. {_CIRCUIT}",
    ),
    "cd-t": Wording(
        "Contextual decomposition (CD-T)",
        "In the run as it is, {site}",
        "accounts for",
        "Positive: this much of the answer's logit difference comes from it, by the rules of decomposition.",
        f"It says how the value is composed, not what the network would do without the part. {_CIRCUIT}",
    ),
}
"""The methods of circuits; what is left out carries its reference value."""
INTERVENTIONS.update(_CIRCUITS)

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
"""Numbers of the plain runs that are tested too, though nothing is done at any site."""

_OF_CIRCUITS: dict[str, Wording] = {
    name: Wording(title, "{site}", "is", reading, "It is said of a whole circuit and tested against no null.")
    for name, (title, reading) in {
        "faithfulness": ("Faithfulness", "What a circuit gives back of the outcome."),
        "cpr": ("CPR", "Area under faithfulness."),
        "cmd": ("CMD", "Area between faithfulness and 1."),
        "completeness": ("Completeness", "How differently circuit and network react to damage."),
        "minimality": ("Minimality", "What a part of the circuit adds at most."),
        "cause": ("Cause", "What leaving out the circuit alone takes away."),
        "isolate": ("Isolate", "What that leaves of another task."),
        "links": ("Links", "What an edge between two nodes carries, to first order."),
    }.items()
}
"""What is said of a whole circuit, as shares of the outcome."""
READINGS.update(_OF_CIRCUITS)

_OF_ALIGNMENTS: dict[str, Wording] = {
    name: Wording(title, "{site}", "is", reading, "It stands beside the accuracy that is tested.")
    for name, (title, reading) in {
        "iia": ("Interchange accuracy", "How often the expected token wins after an interchange."),
        "random labels": ("Accuracy on random answers", "A half, unless the split leaks."),
        "unpatched": ("The network's own accuracy", "How often it gives the expected token by itself."),
        "own": ("Accuracy with itself", "Equal to the network's own accuracy."),
        "inverse error": ("Error of the inverse", "How far a map and its inverse are from nothing."),
    }.items()
}
"""What stands beside the tested accuracy of an alignment."""
READINGS.update(_OF_ALIGNMENTS)
CHECKS = frozenset(_OF_ALIGNMENTS)

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

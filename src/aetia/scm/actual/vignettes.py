"""The stories that definitions of actual causation are tried on, with the verdicts of the literature."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from aetia.scm.actual.setting import Event, Setting
from aetia.scm.language.query import Value
from aetia.scm.models.equations import model_from_equations

__all__ = ["VIGNETTES", "Judgement", "Vignette"]

Judgement = Literal["but-for", "ness", "original", "updated", "modified"]
"""A definition by which a single variable is, or is not, a cause."""


@dataclass(frozen=True)
class Vignette:
    """A story as a model in a context.

    Args:
        name: A short name.
        story: What happened.
        equations: The model, as `aetia.scm.models.equations` reads it.
        context: What the roots were.
        event: What is to be explained.
        causes: Of each definition the variables that are causes by themselves; of `suspects`, the others are none.
        suspects: The variables that are asked about.
        source: Where the verdicts stand.
    """

    name: str
    story: str
    equations: str
    context: Mapping[str, Value]
    event: Event
    suspects: tuple[str, ...]
    causes: Mapping[Judgement, tuple[str, ...]] = field(default_factory=dict)
    source: str = "Halpern 2016"

    @property
    def setting(self) -> Setting:
        """The model in its context."""
        return Setting(model_from_equations(self.equations), self.context)


def _same(*names: str) -> dict[Judgement, tuple[str, ...]]:
    """All definitions agree on these causes."""
    return {"but-for": names, "ness": names, "original": names, "updated": names, "modified": names}


def _halpern_pearl(*names: str) -> dict[Judgement, tuple[str, ...]]:
    """All definitions of Halpern and Pearl agree on these causes."""
    return {"original": names, "updated": names, "modified": names}


_VOTERS = tuple(f"V{place}" for place in range(1, 12))
_ELECTION = f"W = {' + '.join(_VOTERS)} >= 6"

VIGNETTES: tuple[Vignette, ...] = (
    Vignette(
        "forest fire, both needed",
        "Lightning strikes and an arsonist drops a match; the wood is wet and burns only because of both.",
        "FF = L and MD",
        {"L": 1, "MD": 1},
        {"FF": 1},
        ("L", "MD"),
        _same("L", "MD"),
    ),
    Vignette(
        "forest fire, either enough",
        "Lightning strikes and an arsonist drops a match; either alone would have burned the wood.",
        "FF = L or MD",
        {"L": 1, "MD": 1},
        {"FF": 1},
        ("L", "MD"),
        {"but-for": (), "ness": ("L", "MD"), "original": ("L", "MD"), "updated": ("L", "MD"), "modified": ()},
    ),
    Vignette(
        "bottle throwing",
        "Suzy and Billy throw at a bottle; both are accurate, Suzy's rock gets there first.",
        "SH = ST; BH = BT and not SH; BS = SH or BH",
        {"ST": 1, "BT": 1},
        {"BS": 1},
        ("ST", "BT"),
        {"but-for": (), "ness": ("ST",), **_halpern_pearl("ST")},
    ),
    Vignette(
        "bottle throwing, without who hit",
        "The same, with nothing said of whose rock it was that hit.",
        "BS = ST or BT",
        {"ST": 1, "BT": 1},
        {"BS": 1},
        ("ST", "BT"),
        {"but-for": (), "ness": ("ST", "BT"), "original": ("ST", "BT"), "updated": ("ST", "BT"), "modified": ()},
    ),
    Vignette(
        "backup assassin",
        "The trainee shoots and hits; had she not, her supervisor would have.",
        "B = not A; D = A or B",
        {"A": 1},
        {"D": 1},
        ("A",),
        {"but-for": (), "ness": ("A",), **_halpern_pearl("A")},
        "Hitchcock 2001; Halpern 2016",
    ),
    Vignette(
        "election, eleven to none",
        "All of eleven voters vote for her; six are enough.",
        _ELECTION,
        dict.fromkeys(_VOTERS, 1),
        {"W": 1},
        _VOTERS[:1],
        {"but-for": (), "ness": ("V1",), "original": ("V1",), "updated": ("V1",), "modified": ()},
        "Chockler and Halpern 2004",
    ),
    Vignette(
        "election, six to five",
        "Six of eleven vote for her.",
        _ELECTION,
        {name: int(place < 6) for place, name in enumerate(_VOTERS)},
        {"W": 1},
        ("V1", "V11"),
        _same("V1"),
        "Chockler and Halpern 2004",
    ),
    Vignette(
        "bogus prevention",
        "The bodyguard puts an antidote into the coffee; the assassin never put poison into it.",
        "S = not A or B",
        {"A": 0, "B": 1},
        {"S": 1},
        ("B",),
        {"but-for": (), "original": ("B",), "updated": ("B",), "modified": ()},
        "Hiddleston 2005; Halpern and Hitchcock 2015",
    ),
    Vignette(
        "bogus prevention, with the poison neutralised or not",
        "The same, with a variable for poison that an antidote really neutralised.",
        "PN = A and B; S = not A or PN",
        {"A": 0, "B": 1},
        {"S": 1},
        ("B",),
        {"but-for": (), **_halpern_pearl()},
        "Halpern and Hitchcock 2015",
    ),
    Vignette(
        "switch",
        "A train arrives by the right track as the switch is thrown; by the left it would have arrived as well.",
        "RT = F; LT = not F; A = LT or RT",
        {"F": 1},
        {"A": 1},
        ("F", "RT"),
        {"but-for": ("RT",), "ness": ("F", "RT"), **_halpern_pearl("F", "RT")},
        "Hall 2000; Halpern 2016",
    ),
    Vignette(
        "switch, one variable for the track",
        "The same, with one variable for the track that the train takes.",
        "T = F; A = 1 if T == 1 else 1",
        {"F": 1},
        {"A": 1},
        ("F",),
        {"but-for": (), **_halpern_pearl()},
        "Halpern 2016",
    ),
    Vignette(
        "double prevention",
        "Billy shoots down the enemy who would have shot down Suzy, who bombs the target.",
        "EE = not BPT; ESS = EE; SBT = not ESS; TD = SBT",
        {"BPT": 1},
        {"TD": 1},
        ("BPT",),
        _same("BPT"),
        "Hall 2004; Halpern 2016",
    ),
    Vignette(
        "trumping",
        "A major and a sergeant order an advance (2: retreat, 0: nothing); if the major says anything, they obey him.",
        "M in {0, 1, 2}; S in {0, 1, 2}; P in {0, 1, 2} = M if M != 0 else S",
        {"M": 1, "S": 1},
        {"P": 1},
        ("M", "S"),
        {"but-for": ("M",), "original": ("M", "S"), "updated": ("M", "S"), "modified": ("M",)},
        "Schaffer 2000; Halpern 2016",
    ),
    Vignette(
        "trumping, with the order that reaches the soldiers",
        "The same, with a variable for what the sergeant's order comes to.",
        "M in {0, 1, 2}; S in {0, 1, 2}; SE in {0, 1, 2} = S if M == 0 else 0; P in {0, 1, 2} = M if M != 0 else SE",
        {"M": 1, "S": 1},
        {"P": 1},
        ("M", "S"),
        {"but-for": ("M",), **_halpern_pearl("M")},
        "Halpern and Pearl 2005",
    ),
    Vignette(
        "loader",
        "A loads B's gun; B does not shoot; C shoots the prisoner, who dies.",
        "D = (A and B) or C",
        {"A": 1, "B": 0, "C": 1},
        {"D": 1},
        ("A", "C"),
        {"but-for": ("C",), "original": ("A", "C"), "updated": ("C",), "modified": ("C",)},
        "Hopkins and Pearl 2003; Halpern and Pearl 2005",
    ),
    Vignette(
        "two doctors: alive",
        "Treated on Monday, so not on Tuesday; twice would have killed him, not at all would only have kept him ill.",
        "TT = not MT; BMC in {0, 1, 2, 3} = 3 if MT and TT else 0 if MT else 1 if TT else 2",
        {"MT": 1},
        "BMC != 3",
        ("MT", "TT"),
        {"but-for": ("TT",), **_halpern_pearl("TT")},
        "Halpern and Pearl 2005",
    ),
    Vignette(
        "two doctors: well on both days",
        "The same case; it is asked why he was well on both days.",
        "TT = not MT; BMC in {0, 1, 2, 3} = 3 if MT and TT else 0 if MT else 1 if TT else 2",
        {"MT": 1},
        "BMC == 0",
        ("MT",),
        {"but-for": ("MT",), **_halpern_pearl("MT")},
        "Halpern and Pearl 2005",
    ),
    Vignette(
        "boulder",
        "A boulder comes down, the hiker sees it and ducks, and so survives.",
        "D = B; S = not B or D",
        {"B": 1},
        {"S": 1},
        ("B", "D"),
        {"but-for": ("D",), **_halpern_pearl("D")},
        "Hitchcock 2001; Halpern 2016",
    ),
    Vignette(
        "omission",
        "The gardener did not water the flowers, nor did the Queen; they died.",
        "D = not G and not Q",
        {"G": 0, "Q": 0},
        {"D": 1},
        ("G", "Q"),
        _same("G", "Q"),
        "Halpern and Hitchcock 2015",
    ),
)
"""The stories; without a verdict for a definition the literature that is named gives none."""

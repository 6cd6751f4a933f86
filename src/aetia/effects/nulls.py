"""Which alternatives can an effect be tested against, and what does each claim?"""

__all__ = ["NULLS"]

NULLS: dict[str, tuple[str, str]] = {
    "label-permutation": (
        "the answers and foils trade places, each with the same other one in all items",
        "the effect has nothing to do with the answer",
    ),
    "randomised-weights": ("the same architecture with weights drawn anew", "nothing has been learned"),
    "permuted-pairs": ("the clean prompt is another item's", "the pair does not share the cause"),
    "unrelated-contrast": ("the clean prompt is one of another task", "any other text would do as well"),
    "paraphrase-placebo": (
        "the corrupted prompt reworded, its cause kept, in place of the clean one",
        "any other wording would do as well",
    ),
    "random-direction": (
        "a random direction of equal norm",
        "any change of this size at this place would do as well",
    ),
    "random-subspace": ("a random subspace of equal rank", "any subspace of this size would do as well"),
    "random-keys": (
        "attention is cut to as many random positions of the same kind",
        "any other positions would do as well",
    ),
    "random-map": ("a random map of equal area takes the map's place", "any other cells would do as well"),
}
"""What is done under each null, and the claim that an effect speaks against by passing its test."""

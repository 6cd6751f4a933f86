"""What is a question of one's own as a contrast, and what does the model itself answer to it about pictures?"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aetia.contrasts.contrast import Contrast
from aetia.contrasts.pictured import with_pictures
from aetia.contrasts.tokens import token_texts
from aetia.models.pictures import blank

if TYPE_CHECKING:
    from aetia.models.network import Network

__all__ = ["own_answers", "own_contrast"]


def own_contrast(pair: Mapping[str, object]) -> Contrast:
    """The one contrast of a study's own question: the fields of `Contrast`, pictures as paths, regions as boxes.

    Pictures by themselves are compared with blank ones of their mean colour.

    Raises:
        ContrastError: AE-2106 a region that is no part of its picture.
        StudyError: AE-93xx a picture that cannot be read.
    """
    known = {name: value for name, value in pair.items() if name not in ("picture", "edited", "regions")}
    known["corrupted"] = known.get("corrupted") or known["clean"]
    contrast = Contrast(id="pair", **known)  # pyright: ignore[reportArgumentType]  a study has checked the fields
    if not pair.get("picture"):
        return contrast
    seen = with_pictures(contrast, {**pair, "edited": pair.get("edited") or None}, Path())
    is_alone = not seen.edited and seen.clean == seen.corrupted
    return replace(seen, edited=tuple(map(blank, seen.pictures))) if is_alone else seen


def own_answers(network: "Network", pair: Mapping[str, object], answer: str = "") -> tuple[str, str]:
    """The most probable first token after the clean prompt, and the other one most probable after the corrupted prompt.

    Args:
        network: A network that sees.
        pair: The fields of a study's own question, with pictures.
        answer: The answer, if it is given; only the foil is the model's own then.

    Raises:
        StudyError: AE-9703 if the network does not see, AE-93xx if a picture cannot be read.
    """
    assert network.tokenizer is not None
    contrast = own_contrast({**pair, "answer": " ?", "foil": ""})
    asked = ((contrast.clean, contrast.pictures), (contrast.corrupted, contrast.edited or contrast.pictures))
    clean, corrupted = (network.last_logits([network.prompt(text, pictures)])[0] for text, pictures in asked)
    first = answer or token_texts([int(clean.argmax())], network.tokenizer)[0]
    ranked = corrupted.argsort(descending=True).tolist()
    # One word may be two tokens, with a space before it and without.
    others = (token_texts([token], network.tokenizer)[0] for token in ranked)
    return first, next(text for text in others if text.strip() != first.strip())

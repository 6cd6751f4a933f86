"""What does the model itself answer to a question of one's own about a picture, and about the edited one?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aetia.contrasts.files import own_contrast
from aetia.contrasts.tokens import token_texts

if TYPE_CHECKING:
    from aetia.models.network import Network

__all__ = ["own_answers"]


def own_answers(network: "Network", pair: Mapping[str, object], answer: str = "") -> tuple[str, str]:
    """The most probable first token after the clean prompt, and the other one most probable after the corrupted prompt.

    Args:
        network: A network that sees.
        pair: The fields of a study's own question, with a picture.
        answer: The answer, if it is given; only the foil is the model's own then.

    Raises:
        StudyError: AE-9703 if the network does not see, AE-93xx if a picture cannot be read.
    """
    assert network.tokenizer is not None
    contrast = own_contrast({**pair, "answer": " ?", "foil": ""})
    assert contrast.picture is not None
    asked = ((contrast.clean, contrast.picture), (contrast.corrupted, contrast.edited or contrast.picture))
    clean, corrupted = (network.last_logits([network.prompt(text, [picture])])[0] for text, picture in asked)
    first = answer or token_texts([int(clean.argmax())], network.tokenizer)[0]
    others = token_texts(corrupted.topk(2).indices.tolist(), network.tokenizer)
    return first, next(text for text in others if text.strip() != first.strip())

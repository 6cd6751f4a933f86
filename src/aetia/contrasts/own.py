"""What does the model itself answer to a question of one's own about a picture, and about the edited one?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aetia.contrasts.files import own_contrast
from aetia.contrasts.tokens import token_texts

if TYPE_CHECKING:
    from aetia.models.network import Network

__all__ = ["own_answers"]


def own_answers(network: "Network", pair: Mapping[str, object]) -> tuple[str, str]:
    """The most probable first token after the clean prompt, and the other one most probable after the corrupted prompt.

    Args:
        network: A network that sees.
        pair: The fields of a study's own question, with a picture and without an answer.

    Raises:
        StudyError: AE-9703 if the network does not see, AE-93xx if a picture cannot be read.
    """
    assert network.tokenizer is not None
    contrast = own_contrast({**pair, "answer": " ?", "foil": ""})
    assert contrast.picture is not None
    asked = ((contrast.clean, contrast.picture), (contrast.corrupted, contrast.edited or contrast.picture))
    clean, corrupted = (network.last_logits([network.prompt(text, [picture])])[0] for text, picture in asked)
    answer = int(clean.argmax())
    foil = next(token for token in corrupted.topk(2).indices.tolist() if token != answer)
    first, second = token_texts([answer, foil], network.tokenizer)
    return first, second

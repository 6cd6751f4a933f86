"""Which words does the toy know, and what is an image in its sentences?

Every word of the questions, answers and captions of plain scenes is one token; so are `?`, `.` and `,`.
"""

import re
from typing import TYPE_CHECKING

from aetia.scenes import COLOURS, NUMBERS, RELATIONS, SHAPES
from aetia.scenes.words import plural

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["BEGIN", "CHAT_TEMPLATE", "END", "IMAGE", "PADDING", "UNKNOWN", "VOCABULARY", "build_tokenizer", "encode"]

PADDING, BEGIN, END, IMAGE, UNKNOWN = 0, 1, 2, 3, 4
"""The ids of the tokens that are no words."""

_SPECIAL = ("<pad>", "<bos>", "<eos>", "<image>", "<unk>")
_QUESTIONS = "is are there a the an what which colour shape object objects how many more than describe image yes no"

VOCABULARY: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *_SPECIAL,
            *"?.,",
            *_QUESTIONS.split(),
            *(word for relation in RELATIONS for word in relation.split()),
            *NUMBERS,
            *COLOURS,
            *SHAPES,
            *(plural(shape) for shape in SHAPES),
        )
    )
)
"""The words by id; none of them twice."""

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}"
    "{% for part in message['content'] if part['type'] == 'image' %}<image>{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}"
    "{% endif %}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% endfor %}"
)
"""`<bos>`, the image, the question; what is answered follows on the question at once."""

_IDS = {word: index for index, word in enumerate(VOCABULARY)}
_WORD = re.compile(r"[^\s?.,]+|[?.,]")


def encode(text: str) -> list[int]:
    """The ids of a text without special tokens: what the tokenizer gives, ten times as fast."""
    return [_IDS.get(word, UNKNOWN) for word in _WORD.findall(text.lower())]


def build_tokenizer() -> "PreTrainedTokenizerFast":
    """The tokenizer that ships with the toy: words in lower case, signs of punctuation apart."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel(vocab=dict(_IDS), unk_token=_SPECIAL[UNKNOWN]))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("[?.,]"), "isolated")]
    )
    inner.decoder = decoders.WordPiece(prefix="##", cleanup=True)  # words with a space between, none before , . ?
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=_SPECIAL[PADDING],
        bos_token=_SPECIAL[BEGIN],
        eos_token=_SPECIAL[END],
        unk_token=_SPECIAL[UNKNOWN],
        extra_special_tokens={"image_token": _SPECIAL[IMAGE]},
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=128,
    )

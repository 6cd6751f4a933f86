"""Tokenizers without files: real ones of the tokenizers package, small enough to know what they do."""

from functools import cache

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

TEXT = [
    "The capital of France is Paris. The capital of Italy is Rome. The capital of Japan is Tokyo. " * 9,
    "When Mary and John went to the store, John gave a drink to Mary. 1 2 3 4 5 6 7 8 9 0 " * 9,
]
CHAT = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] | trim }}<|end|>\n{% endfor %}{{ '<|assistant|>\n' }}"
)


@cache
def byte_level(chat: str = "") -> PreTrainedTokenizerFast:
    """A byte-level BPE, as GPT-2's: any text has tokens, and a rare character is several."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|end|>"],
        show_progress=False,
    )
    core.train_from_iterator(TEXT, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|end|>")
    tokenizer.chat_template = chat or None
    return tokenizer

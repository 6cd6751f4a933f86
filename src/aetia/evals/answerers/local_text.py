"""Which tokens stand for a dialogue and for what may follow it, and what do a model's texts depend on?"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal, cast

import torch

from aetia.errors import StudyError
from aetia.evals.dialogue import Message, Request
from aetia.models.network import Network
from aetia.runs.keys import canonical

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["Template", "Words", "weights_digest"]

Template = Literal["chat", "plain"]
"""`chat`: the model's own chat template; `plain`: the texts of the messages, one under the other."""


class Words:
    """A tokenizer with a way to write dialogues.

    Args:
        network: The network; it needs a tokenizer.
        template: How a dialogue becomes a text.

    Raises:
        StudyError: AE-1202 it has no tokenizer; AE-1203 it has no chat template.
    """

    def __init__(self, network: Network, template: Template) -> None:
        if network.tokenizer is None:
            raise StudyError("AE-1202", "This network has no tokenizer.", mend="load it by name, or from its folder.")
        if template == "chat" and not network.tokenizer.chat_template:
            raise StudyError("AE-1203", "The model has no chat template.", mend="use the template plain.")
        self.tokenizer: PreTrainedTokenizerFast = network.tokenizer
        self.template: Template = template
        ends = getattr(network.module.generation_config, "eos_token_id", None)
        ends = ends if isinstance(ends, list) else [ends]
        known = (end for end in (*ends, self.tokenizer.eos_token_id) if isinstance(end, int))
        self.ends = frozenset(known)

    def text(self, messages: Sequence[Message]) -> str:
        """The dialogue as the model reads it, up to where its reply begins."""
        if self.template == "plain":
            return "\n".join(message.text for message in messages)
        turns = [{"role": message.role, "content": message.text} for message in messages]
        return cast("str", self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    def prompt(self, request: Request) -> tuple[int, ...]:
        """The tokens of a dialogue; of the empty text, the token that texts begin with."""
        return self._tokens(self.text(request.messages)) or self._beginning()

    def pair(self, request: Request) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
        """The tokens of a dialogue and of each continuation.

        Both are tokenised together and cut where the dialogue alone ends. White space at its end goes to the
        continuations, since tokens mostly begin with their space.

        Source: `TemplateLM._encode_pair` of lm-evaluation-harness 0.4.13, which gives the same tokens.
        """
        text = self.text(request.messages)
        context = text.rstrip()
        moved = text[len(context) :]
        prompt = self._tokens(context)
        wholes = [self._tokens(context + moved + continuation) for continuation in request.continuations]
        return prompt or self._beginning(), tuple(whole[len(prompt) :] for whole in wholes)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without special ones."""
        return cast("str", self.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def _tokens(self, text: str) -> tuple[int, ...]:
        # A chat template writes its own special tokens.
        return tuple(self.tokenizer(text, add_special_tokens=self.template == "plain").input_ids)

    def _beginning(self) -> tuple[int, ...]:
        first = self.tokenizer.bos_token_id
        first = self.tokenizer.eos_token_id if first is None else first
        return () if first is None else (cast("int", first),)

    @property
    def is_dated(self) -> bool:
        """Whether the template writes today's date, so that equal requests are not equal texts."""
        return self.template == "chat" and "strftime_now" in str(self.tokenizer.chat_template)

    def digests(self) -> Mapping[str, str]:
        """What decides the tokens of a dialogue."""
        core = self.tokenizer.backend_tokenizer.to_str() + canonical(
            {name: str(value) for name, value in self.tokenizer.special_tokens_map.items()}
        )
        template = str(self.tokenizer.chat_template) if self.template == "chat" else ""
        return {
            "tokenizer": hashlib.sha256(core.encode()).hexdigest(),
            "template": f"chat:{hashlib.sha256(template.encode()).hexdigest()[:32]}" if template else "plain",
        }


def weights_digest(network: Network) -> str:
    """SHA-256 of the weights and of the configuration: of their files, or of a module that was wrapped."""
    digest = hashlib.sha256()
    if network.source is not None:
        for name, known in sorted(network.source.files.items()):
            if PurePath(name).suffix == ".safetensors" or name in {"config.json", "generation_config.json"}:
                digest.update(f"{name} {known}\n".encode())
        return digest.hexdigest()
    digest.update(network.module.config.to_json_string().encode())
    for name, tensor in sorted(network.module.state_dict().items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {tuple(plain.shape)} {plain.dtype}".encode())
        digest.update(plain.view(-1).view(dtype=torch.uint8).numpy().tobytes())
    return digest.hexdigest()

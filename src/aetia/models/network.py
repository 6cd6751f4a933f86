"""A network as a causal system: the user's own Hugging Face module, with its sites named.

Nothing is re-implemented: un-intervened logits are the module's, bit for bit.

Letters: N prompts, T positions, V vocabulary, D residual width, H heads, d head width.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from aetia.errors import SiteError, StudyError
from aetia.models.allocator import keep_large_blocks
from aetia.models.families import Family, family_of
from aetia.models.pictures import Picture
from aetia.models.ports import Heads, Port, block_ports, head_count, missing_component
from aetia.models.prompts import Prompt, pictures_of
from aetia.models.sites import HEAD_COMPONENTS, Site
from aetia.models.vision import ImageProcessor, Vision, processor_in, vision_of
from aetia.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import (
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
        PreTrainedConfig,
        PreTrainedModel,
        PreTrainedTokenizerFast,
    )

    from aetia.models.resolve import LocalModel

__all__ = ["Network", "Tokens", "load", "skeleton", "wrap"]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Tokens:
    """A tokenised text: ids and the text of each token, both of length T."""

    ids: tuple[int, ...]
    strings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Network:
    """A causal decoder whose sites can be read and set, alone or with a vision tower before it.

    Args:
        module: The Hugging Face model, in eval mode, its parameters frozen.
        tokenizer: Its tokenizer; None for a model without text (tests, truth systems).
        source: Where the weights came from; None for a module that was wrapped.
        processor: What prepares pictures for it; None for the family's own, or a model of text alone.
    """

    module: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerFast | None" = None
    source: "LocalModel | None" = None
    processor: ImageProcessor | None = None

    @cached_property
    def vision(self) -> Vision | None:
        """The part that sees; None for a model of text alone."""
        return vision_of(self.module, self.processor)

    @cached_property
    def decoder(self) -> nn.Module:
        """The language model, to which `family`'s paths belong: the whole model if it is of text alone."""
        return self.module if self.vision is None else self.module.get_submodule(self.vision.family.decoder)

    @property
    def config(self) -> "PreTrainedConfig":
        """The configuration of the language model."""
        return cast("PreTrainedConfig", self.decoder.config)

    @cached_property
    def family(self) -> Family:
        """Where this architecture keeps its parts."""
        return family_of(self.config.model_type)

    def _part(self, path: str) -> nn.Module:
        """The decoder's part at a family's path; inside a model that sees, the path lacks its first step."""
        return self.decoder.get_submodule(path if self.vision is None else path.partition(".")[2])

    @cached_property
    def blocks(self) -> tuple[nn.Module, ...]:
        """The blocks, in the order in which they run."""
        return tuple(self._part(self.family.layers).children())

    @cached_property
    def attentions(self) -> dict[nn.Module, int]:
        """The attention modules and their layers."""
        return {block.get_submodule(self.family.attention): layer for layer, block in enumerate(self.blocks)}

    @cached_property
    def heads(self) -> Heads:
        """How many heads a block has, and their width."""
        config = self.config
        query = config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // query
        return Heads(query, getattr(config, "num_key_value_heads", None) or query, width)

    @cached_property
    def ports(self) -> tuple[dict[str, Port], ...]:
        """The ports of every block, by component."""
        flag = self.family.parallel
        is_parallel = flag is not None and bool(getattr(self.config, flag))
        return tuple(block_ports(block, self.family, self.heads, is_parallel) for block in self.blocks)

    @property
    def final_norm(self) -> nn.Module:
        """The norm before the unembedding."""
        return self._part(self.family.final_norm)

    @property
    def embedding(self) -> nn.Module:
        """The token embedding."""
        return self.module.get_input_embeddings()

    @property
    def unembedding(self) -> nn.Linear:
        """The map from the normed residual to logits; its weight is `[V, D]`."""
        return cast("nn.Linear", self.module.get_output_embeddings())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.unembedding.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the weights."""
        return self.unembedding.weight.dtype

    @property
    def width(self) -> int:
        """The width of the residual stream, D."""
        return self.config.hidden_size

    def unembed(self, hidden: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Logits of residual rows `[..., D]`, of all tokens or of `tokens` `[k]`, in float32.

        The read-out of few tokens takes as many rows of the unembedding, and a difference of logits is taken
        in float32 whatever the model's own precision is.
        """
        linear = self.unembedding
        weight = linear.weight if tokens is None else linear.weight[tokens]
        logits = self.final_norm(hidden).float() @ weight.float().T
        if linear.bias is not None:
            logits = logits + (linear.bias if tokens is None else linear.bias[tokens]).float()
        # The cap belongs to the causal decoder around the language model, which a model that sees does not have.
        cap = getattr(self.config, "final_logit_softcapping", None) if self.vision is None else None
        return logits if cap is None else torch.tanh(logits / cap) * cap

    def port(self, component: str, layer: int | None) -> Port:
        """The port of a component of a block, or of the embedding (layer None).

        Raises:
            SiteError: If this architecture has no such component or layer.
        """
        if layer is None:
            # With pictures among the embeddings, what the decoder is given is the embedding's output no longer.
            module, side = (self.embedding, "output") if self.vision is None else (self.decoder, "input")
            return Port(module, side, lambda tensor: tensor.view(-1, tensor.shape[-1]))
        if not 0 <= layer < len(self.blocks):
            raise SiteError(
                "AE-3108",
                f"There is no layer {layer}: the model has {len(self.blocks)}.",
                mend=f"use a layer from 0 to {len(self.blocks) - 1}.",
            )
        if component not in self.ports[layer]:
            raise missing_component(component, self.config.model_type)
        return self.ports[layer][component]

    def check_site(self, site: Site) -> None:
        """Raises StudyError unless `site` names something in this network, its vision tower included."""
        if site.is_seen:
            from aetia.models.encoders import unchecked_tower

            unchecked_tower(self).check_site(site)
            return
        self.port("z" if site.component == "pattern" else site.component, site.layer)
        heads = head_count(site.component, self.heads)
        if site.head is not None and site.head >= heads:
            mend = f"use a head from 0 to {heads - 1}."
            raise SiteError("AE-3109", f"{site} names a head that does not exist.", mend=mend)
        if site.units is not None and site.component != "pattern":
            width = self.site_shape(site.component, 1)[-1]
            if site.units[1] > width:
                raise SiteError(
                    "AE-3115", f"{site} names units that do not exist.", mend=f"use units from 0 to {width - 1}."
                )

    def site_shape(self, component: str, length: int) -> tuple[int, ...]:
        """The shape of a component's value over all `length` positions, in a prompt of that length."""
        count = head_count(component, self.heads)
        if component == "pattern":
            return (length, count, length)
        if component in HEAD_COMPONENTS:
            return (length, count, self.heads.width)
        if component == "mlp_post":
            down = self.port("mlp_post", 0).module
            weight = cast("Tensor", down.weight)  # Linear keeps [out, in]; GPT-2's Conv1D keeps the transpose
            return (length, weight.shape[1 if isinstance(down, nn.Linear) else 0])
        return (length, self.width)

    def tokenize(self, text: str, *, chat: bool = False) -> Tokens:
        """The tokens of `text`; with `chat`, of a conversation whose one user message it is.

        Raises:
            StudyError: If the model has no tokenizer, or no chat template when one is asked for.
        """
        tokenizer = self.tokenizer
        if tokenizer is None:
            raise StudyError("AE-1202", "This network has no tokenizer.", mend="load it by name, or give token ids.")
        if chat:
            if not tokenizer.chat_template:
                raise StudyError("AE-1203", "The model has no chat template.", mend="leave --chat out.")
            turns = [{"role": "user", "content": text}]
            text = cast("str", tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        ids = tokenizer(text, add_special_tokens=not chat).input_ids
        return Tokens(tuple(ids), tuple(cast("str", tokenizer.decode([token])) for token in ids))

    def inputs(self, prompts: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """What the module's forward takes for N prompts of equal length: ids `[N, T]`, and pixels where some see.

        Raises:
            StudyError: AE-9703 if there are image tokens without their pictures, or pictures without a vision tower;
                AE-9309 if nothing lies between two pictures of a model that has to tell them apart.
        """
        rows = torch.as_tensor([list(ids) for ids in prompts], device=self.device)
        pictures = [picture for ids in prompts for picture in pictures_of(ids)]
        if self.vision is None:
            if pictures:
                raise StudyError(
                    "AE-9703", "This model reads text alone.", mend="use a vision-language model, such as toy-llava."
                )
            return {"input_ids": rows}
        self.vision.check_places(prompts)
        pixels = {name: value.to(self.device) for name, value in self.vision.preprocess(pictures).items()}
        kept = {name: value.to(self.dtype) if value.is_floating_point() else value for name, value in pixels.items()}
        if pictures and self.vision.family.marks_pictures:
            kept["mm_token_type_ids"] = (rows == self.vision.image_token).int()
        return {"input_ids": rows, **kept}

    def prompt(self, text: str, pictures: Sequence[Picture] = ()) -> Prompt:
        """A question about pictures, as this model's chat template puts it, up to where the answer begins.

        Raises:
            StudyError: AE-1202 without a tokenizer, AE-9703 if the model cannot see, AE-9704 if its template does not
                take the pictures.
        """
        from aetia.models.rendering import prompt_of, rendered

        if self.tokenizer is None or self.vision is None:
            missing = "tokenizer" if self.tokenizer is None else "vision tower"
            mend = "load a vision-language model by name, such as toy-llava."
            raise StudyError("AE-9703", f"This network has no {missing}.", mend=mend)
        whole, _ = rendered(text, pictures, self.tokenizer, self.vision)
        return prompt_of(self.tokenizer(whole, add_special_tokens=False).input_ids, pictures, self.vision)

    @torch.inference_mode()
    def last_logits(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Logits at the last position, `[N, V]`, of N prompts of equal length."""
        return self.module(**self.inputs(prompts), logits_to_keep=1, use_cache=False).logits[:, -1].float()

    @torch.inference_mode()
    def logits(self, ids: Sequence[int]) -> Tensor:
        """Logits at all positions, `[T, V]`: exactly what the module itself gives."""
        return self.module(**self.inputs([ids]), use_cache=False).logits[0]

    @torch.inference_mode()
    def generate(self, ids: Sequence[int], *, tokens: int, temperature: float = 0.0, seed: int = 0) -> tuple[int, ...]:
        """Up to `tokens` further token ids after `ids`; greedy at temperature 0."""
        sampling = {"do_sample": True, "temperature": temperature} if temperature > 0 else {"do_sample": False}
        inputs = self.inputs([ids])
        mask = torch.ones_like(inputs["input_ids"])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            out = cast("Callable[..., Tensor]", self.module.generate)(
                **inputs, attention_mask=mask, max_new_tokens=tokens, use_cache=True, **sampling
            )
        return tuple(out[0, len(ids) :].tolist())


def wrap(
    module: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerFast | None" = None,
    processor: ImageProcessor | None = None,
) -> Network:
    """A network around a Hugging Face causal decoder, or a vision-language model, that is already in memory.

    Puts the module into eval mode and freezes its parameters, since neither dropout nor a weight's gradient
    belongs to a causal question about a trained model; then checks numerically that every part is what the
    family says.

    Raises:
        StudyError: If the architecture is unknown, or a part is not what its name says.
    """
    return _checked(Network(module.eval().requires_grad_(requires_grad=False), tokenizer, None, processor))


def _checked(network: Network) -> Network:
    from aetia.models.check import check_network

    config = network.config
    if getattr(config, "word_embed_proj_dim", config.hidden_size) != config.hidden_size:
        found = f"This {config.model_type} projects its embeddings to another width, which its sites do not show."
        raise StudyError("AE-1201", found, mend="use a model whose embeddings are as wide as its residual stream.")
    keep_large_blocks()
    check_network(network)
    return network


def load(
    name_or_path: str | Path, *, dtype: str = "float32", device: str | None = None, attention: str | None = None
) -> Network:
    """The network of that name: a known model, a folder, or a repository of the hub.

    Args:
        name_or_path: For instance `smollm2-135m`, or a folder with `config.json` and safetensors.
        dtype: `float32`, `bfloat16` or `float16`.
        device: `cpu`, `cuda` ...; by default a GPU if there is one.
        attention: The attention function of transformers, `sdpa` or `eager`; by default what it chooses for the model.

    Raises:
        MissingError: If the model is nowhere to be found.
        RefusedError: If the folder holds anything that could run code.
    """
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    from aetia.models.resolve import locate

    if dtype not in _DTYPES:
        raise StudyError("AE-1204", f"There is no dtype {dtype!r}.", mend=f"use one of {', '.join(_DTYPES)}.")
    source = locate(name_or_path)
    disable_progress_bar()  # a bar for a second's work, on the stream that is for people
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    with _readable(source.name):
        module = _class_for(AutoConfig.from_pretrained(source.path, local_files_only=True)).from_pretrained(
            source.path,
            dtype=_DTYPES[dtype],
            attn_implementation=attention,
            local_files_only=True,
            use_safetensors=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(source.path, local_files_only=True)
        processor = processor_in(source.path)
    cast("nn.Module", module).to(device)
    return _checked(Network(module.eval().requires_grad_(requires_grad=False), tokenizer, source, processor))


def skeleton(name_or_path: str | Path) -> Network:
    """The network of that name without its weights: enough to tokenise, to name its sites and to plan.

    Raises: As `load`.
    """
    from transformers import AutoConfig, AutoTokenizer

    from aetia.models.resolve import locate

    source = locate(name_or_path)
    with _readable(source.name):
        config = AutoConfig.from_pretrained(source.path, local_files_only=True)
        with torch.device("meta"):
            module = _class_for(config).from_config(config)
        tokenizer = AutoTokenizer.from_pretrained(source.path, local_files_only=True)
        processor = processor_in(source.path)
    return Network(module.eval(), tokenizer, source, processor)


def _class_for(config: "PreTrainedConfig") -> "type[AutoModelForCausalLM | AutoModelForImageTextToText]":
    """What makes a model of this configuration: one that sees is of another class."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    return AutoModelForCausalLM if getattr(config, "vision_config", None) is None else AutoModelForImageTextToText


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Says in one line what a folder's files leave transformers unable to read."""
    try:
        yield
    except (ValueError, OSError, KeyError) as error:
        raise StudyError(
            "AE-1206",
            f"{name} could not be read as a causal decoder with its tokenizer: {clean_text(str(error))}",
            mend="check its config.json and its tokenizer files.",
        ) from error

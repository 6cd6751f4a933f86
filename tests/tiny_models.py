"""A tiny random network of every decoder family, big enough to be wrong in every way that a large one can."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path

import torch
from toy_tokenizer import byte_level
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Olmo2Config,
    OPTConfig,
    Phi3Config,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from aetia.models import Network, wrap

VOCABULARY = 97
LAYERS = 3
_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
_GROUPED = {**_SIZES, "intermediate_size": 48, "num_key_value_heads": 2}
_GEMMA = {**_GROUPED, "head_dim": 8, "sliding_window": 4, "query_pre_attn_scalar": 8}

CONFIGS: dict[str, PreTrainedConfig] = {
    "llama": LlamaConfig(**_GROUPED),
    "mistral": MistralConfig(**_GROUPED, sliding_window=5),
    "qwen2": Qwen2Config(**_GROUPED),
    "qwen3": Qwen3Config(**_GROUPED, head_dim=8),
    "gemma2": Gemma2Config(**_GEMMA, attn_logit_softcapping=5.0, final_logit_softcapping=3.0),
    "gemma3": Gemma3TextConfig(**_GEMMA),
    "phi3": Phi3Config(**_GROUPED),
    "phi3_longrope": Phi3Config(  # rotary angles depend on the prompt's length
        **{**_GROUPED, "max_position_embeddings": 64},
        original_max_position_embeddings=8,
        rope_parameters={
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": [1.0, 1.1, 1.2, 1.3],
            "long_factor": [2.0, 3.0, 4.0, 5.0],
            "original_max_position_embeddings": 8,
        },
    ),
    "olmo2": Olmo2Config(**_GROUPED),
    "gpt2": GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=LAYERS, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2
    ),
    "gpt_neox": GPTNeoXConfig(**_SIZES, intermediate_size=48),
    "gpt_neox_sequential": GPTNeoXConfig(**_SIZES, intermediate_size=48, use_parallel_residual=False),
    "opt": OPTConfig(**_SIZES, ffn_dim=48, word_embed_proj_dim=32),
}


@cache
def tiny_network(family: str, attention: str | None = None, dtype: torch.dtype = torch.float32) -> Network:
    """The family's network, with weights large enough that every site matters."""
    torch.manual_seed(7)
    config = deepcopy(CONFIGS[family])  # a model writes its attention into it
    module = AutoModelForCausalLM.from_config(config, attn_implementation=attention, dtype=torch.float32)
    for parameter in module.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return wrap(module.to(dtype))


def tiny_folder(folder: Path) -> Path:
    """A random network with a tokenizer in a folder, and beside it `own.jsonl`: 24 contrasts for it."""
    tokenizer = byte_level()
    torch.manual_seed(7)
    module = AutoModelForCausalLM.from_config(LlamaConfig(**{**_GROUPED, "vocab_size": 400}))
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    rows = []
    for number in range(24):
        first, second = divmod(number, 5)
        prompts = {"clean": f"{first} {second} 9 3", "corrupted": f"{first + 5} {second} 9 3"}
        rows.append({**prompts, "answer": f" {number % 10}", "foil": f" {(number + 1 + number // 10) % 10}"})
    (folder / "own.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return folder

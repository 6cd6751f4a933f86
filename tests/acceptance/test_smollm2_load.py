"""Is the default model, as aetia loads it, the model that was published?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from aetia.models.resolve import LocalModel, pull

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def smollm2() -> LocalModel:
    return pull("smollm2-135m")


def test_the_converted_weights_are_the_known_ones(smollm2: LocalModel) -> None:
    # Dequantising is exact arithmetic: the same bytes on every machine.
    assert smollm2.files["model.safetensors"] == "a672150fb4f99d7c8f4168cecdd464069c0ef3a37d8113f22ddb9d48031d03cd"
    manifest = json.loads((smollm2.path / "manifest.json").read_text())
    assert manifest["dtype"] == "float32"
    assert smollm2.revision == manifest["weights_sha256"]


def test_it_knows_the_capital_of_france(smollm2: LocalModel) -> None:
    tokenizer = AutoTokenizer.from_pretrained(smollm2.path, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(smollm2.path, dtype=torch.float32, local_files_only=True)
    unembedding = model.get_output_embeddings()
    assert unembedding is not None
    assert model.get_input_embeddings().weight is unembedding.weight
    rows = tokenizer("The capital of France is", return_tensors="pt")
    with torch.inference_mode():
        best = model(**rows).logits[0, -1].argmax().item()
    assert tokenizer.decode([best]) == " Paris"


def test_its_tokens_are_those_of_its_training(smollm2: LocalModel) -> None:
    tokenizer = AutoTokenizer.from_pretrained(smollm2.path, local_files_only=True)

    def tokens(text: str) -> list[str]:
        return tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)

    assert tokens("year 1732") == ["year", "Ġ", "1", "7", "3", "2"]
    # The first split is at digits, so that the blanks before one stay together.
    assert tokens("a  12") == ["a", "ĠĠ", "1", "2"]
    assert tokens("The capital") == ["The", "Ġcapital"]
    assert tokenizer.special_tokens_map["bos_token"] == "<|im_start|>"
    assert tokenizer.special_tokens_map["eos_token"] == "<|im_end|>"


def test_its_chat_template_writes_the_turns(smollm2: LocalModel) -> None:
    tokenizer = AutoTokenizer.from_pretrained(smollm2.path, local_files_only=True)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name three colours."}]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nName three colours.<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    ids = tokenizer(text).input_ids
    assert ids[0] == 1
    assert ids.count(2) == 2


LOAD = """
import sys, time, torch, transformers
from transformers.models.llama import modeling_llama
from transformers import AutoModelForCausalLM, AutoTokenizer
_ = AutoModelForCausalLM.from_pretrained, AutoTokenizer.from_pretrained
from aetia.models.resolve import locate
import transformers.modeling_utils, transformers.tokenization_utils_tokenizers, transformers.generation.utils
began = time.perf_counter()
found = locate("smollm2-135m", allow_download=False)
AutoTokenizer.from_pretrained(found.path, local_files_only=True)
AutoModelForCausalLM.from_pretrained(found.path, dtype=torch.float32, local_files_only=True)
took = time.perf_counter() - began
assert "gguf" not in sys.modules
print(took)
"""


@pytest.mark.alone
def test_a_later_load_takes_two_and_a_half_seconds_and_no_gguf(smollm2: LocalModel) -> None:
    assert Path(smollm2.path).is_dir()
    times = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", LOAD], capture_output=True, text=True, check=True)
        times.append(float(done.stdout))
    # The best of three: the machine may be busy with something else.
    assert min(times) <= 2.5, times

"""How does a discrete program become a Hugging Face transformer with exactly its causal parts?

Every variable has a place of its own in the residual stream, one unit a value. A head matches by one product of one-hot
vectors, large enough to saturate the softmax; a lookup has a neuron or two for each combination of its inputs. The
layer norms are the identity: their eps is so large that float32 sees no variance beside it, their weight is its root,
and one unit keeps the mean at zero. What the program does not use (free head slots, some neurons) computes something
random that varies with the prompt and that nothing the program can say depends on: distractors.

Letters: D residual width, V the program's vocabulary, d head width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from aetia.errors import StudyError
from aetia.models import Network, wrap
from aetia.truth.program import POSITION, TOKEN, Head, Lookup, Program, run

__all__ = ["Compiled", "compile_program"]

_EPS_EXPONENT = 40  # 2**40 + variance is 2**40 in float32 for any variance below 2**16
_SLOPE = 32.0  # between neighbours in the softmax: exp(-32) vanishes beside 1 in float32
_SILENCE = -256.0  # the logit of the token that nothing says: its probability is 0 in float32
_MARGIN = 0.25  # a neuron's threshold is that far above what it ignores, so that no rounding error opens it
_SHORTEST = 6  # positions that the check at loading needs; a shorter program never uses them all
_DISTRACTOR_UNITS = 6
_DISTRACTOR_NEURONS = 8


@dataclass(frozen=True, eq=False)
class Compiled:
    """A network that is equal to a program.

    Args:
        program: The program.
        network: Its Hugging Face form. It has one token more than the program, the last one, which listens to all units
            and whose probability is always 0: so no unit of the network is without any consequence.
        units: The half-open range of residual units of every variable. A category has one unit a value; a count c has
            a single unit, which holds 1 / (1 + c).
        neurons: The half-open range of MLP neurons of every lookup.
    """

    program: Program
    network: Network
    units: Mapping[str, tuple[int, int]]
    neurons: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class _Layout:
    """Where things are: variables, then the unit of the final bias, then distractors, then the unit that balances."""

    units: Mapping[str, tuple[int, int]]
    heads: int
    head_width: int
    bias: int

    @property
    def width(self) -> int:
        return self.heads * self.head_width

    @property
    def balance(self) -> int:
        return self.width - 1

    @property
    def distractors(self) -> slice:
        return slice(self.bias + 1, self.balance)

    def unit(self, name: str, value: int = 0) -> int:
        return self.units[name][0] + value

    def of(self, name: str) -> slice:
        return slice(*self.units[name])


def compile_program(program: Program, *, heads: int = 4, seed: int = 0) -> Compiled:
    """A network whose logits for the program's tokens are the program's at every position of every prompt.

    The equality is exact up to float32 rounding (about 1e-6 logits), under patches of any part by its value in another
    run too, and under zero ablation of a head's or an MLP's output, which is `NOTHING`. One case differs: zero ablation
    at position 0 of what heads look for. It has one value there in every prompt, by which the weights keep it from
    being a match; without the value, another position may be read where nothing matches.

    Args:
        program: The program.
        heads: Heads a layer; more than the program uses, so that there are distractors.
        seed: Of the distractors' weights.

    Raises:
        StudyError: AE-1704 if a layer of the program has more heads than that.
    """
    used = max((len(layer.heads) for layer in program.layers), default=0)
    if used > heads:
        raise StudyError(
            "AE-1704", f"A layer of the program has {used} heads, the network {heads}.", mend="give it more heads."
        )
    layout = _layout(program, heads)
    counts = [sum(_neuron_count(program, lookup) for lookup in layer.lookups) for layer in program.layers]
    inner = max(counts) + _DISTRACTOR_NEURONS
    config = GPT2Config(
        vocab_size=len(program.vocabulary) + 1,
        n_positions=max(program.length, _SHORTEST),
        n_embd=layout.width,
        n_layer=len(program.layers),
        n_head=heads,
        n_inner=inner,
        activation_function="relu",
        layer_norm_epsilon=2.0**_EPS_EXPONENT,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=len(program.vocabulary),
    )
    generator = np.random.default_rng(seed)
    weights, neurons = _weights(program, layout, inner, generator)
    module = GPT2LMHeadModel(config)
    state = {name: torch.tensor(value, dtype=torch.float32) for name, value in weights.items()}
    module.load_state_dict(state)
    return Compiled(program, wrap(module), layout.units, neurons)


def _layout(program: Program, heads: int) -> _Layout:
    units: dict[str, tuple[int, int]] = {}
    start = 0
    for name, variable in program.variables.items():
        stop = start + (1 if variable.is_count else variable.size)
        units[name] = (start, stop)
        start = stop
    needed = start + 1 + _DISTRACTOR_UNITS + 1
    real = [head for layer in program.layers for head in layer.heads if head is not None]
    inner = [1 + min(len(head.matches), len(head.matches[0])) for head in real]
    copied = [program.variables[head.name].size for head in real if head.choose != "count"]
    return _Layout(units, heads, max([-(-needed // heads), *inner, *copied]), start)


def _weights(
    program: Program, layout: _Layout, inner: int, generator: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, tuple[int, int]]]:
    """The whole state dict of the module, and the neurons of every lookup."""
    width, size = layout.width, len(program.vocabulary)
    tokens, positions = np.zeros((size + 1, width)), np.zeros((max(program.length, _SHORTEST), width))
    tokens[:size, layout.of(TOKEN)] = np.eye(size)
    tokens[:, layout.distractors] = generator.normal(size=tokens[:, layout.distractors].shape) / 2
    positions[: program.length, layout.of(POSITION)] = np.eye(program.length)
    found = {
        "transformer.wte.weight": _balanced(tokens, layout),
        "transformer.wpe.weight": _balanced(positions, layout),
    }
    neurons: dict[str, tuple[int, int]] = {}
    at_start = run(program, (0,)).values
    for number, layer in enumerate(program.layers):
        joint, mixer = np.zeros((width, 3 * width)), np.zeros((width, width))
        bias = np.zeros(3 * width)
        for slot in range(layout.heads):
            head = layer.heads[slot] if slot < len(layer.heads) else None
            if head is None:
                _distract_head(joint, mixer, layout, slot, generator)
            else:
                _write_head(program, head, int(at_start[head.key][0]), (joint, bias, mixer), layout, slot)
        up, thresholds, down = np.zeros((width, inner)), np.zeros(inner), np.zeros((inner, width))
        stop = 0
        for lookup in layer.lookups:
            start, stop = stop, stop + _neuron_count(program, lookup)
            neurons[lookup.name] = (start, stop)
            _write_lookup(program, lookup, (up, thresholds, down), layout, start)
        _distract_neurons(up, down, layout, stop, generator)
        name = f"transformer.h.{number}"
        found |= {
            f"{name}.attn.c_attn.weight": joint,
            f"{name}.attn.c_attn.bias": bias,
            f"{name}.attn.c_proj.weight": _balanced(mixer, layout),
            f"{name}.attn.c_proj.bias": np.zeros(width),
            f"{name}.mlp.c_fc.weight": up,
            f"{name}.mlp.c_fc.bias": thresholds,
            f"{name}.mlp.c_proj.weight": _balanced(down, layout),
            f"{name}.mlp.c_proj.bias": np.zeros(width),
            **_identity_norm(f"{name}.ln_1", width),
            **_identity_norm(f"{name}.ln_2", width),
        }
    return found | _readout(program, layout, generator), neurons


def _balanced(rows: np.ndarray, layout: _Layout) -> np.ndarray:
    """The rows, each with mean zero, so that a layer norm has nothing to subtract."""
    rows[..., layout.balance] = 0
    rows[..., layout.balance] = -rows.sum(-1)
    return rows


def _identity_norm(name: str, width: int) -> dict[str, np.ndarray]:
    return {f"{name}.weight": np.full(width, 2.0 ** (_EPS_EXPONENT // 2)), f"{name}.bias": np.zeros(width)}


def _write_head(
    program: Program,
    head: Head,
    key_at_start: int,
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray],
    layout: _Layout,
    slot: int,
) -> None:
    """One head: the products of query and key are the table of matches; one coordinate more holds the position's part.

    Position 0 never matches and is read if nothing else does: its own value of the key, which no prompt changes, is
    taken away there, and what it gets instead lies between a match and none.
    """
    joint, bias, mixer = arrays
    width, root = layout.width, np.sqrt(layout.head_width)
    q, k, v = (part * width + slot * layout.head_width for part in range(3))
    table = head.table[:-1, :-1].astype(float)
    length, is_count = program.length, head.choose == "count"
    reach = _SLOPE * length
    gain = _SLOPE if is_count else 2 * reach
    asked, offered = (
        (table, np.eye(table.shape[1])) if table.shape[1] <= table.shape[0] else (np.eye(len(table)), table.T)
    )
    inner = asked.shape[1]
    joint[layout.of(head.query), q : q + inner] += asked * gain * root
    joint[layout.of(head.key), k : k + inner] += offered
    joint[layout.unit(POSITION), k : k + inner] -= offered[key_at_start]
    bias[q + inner] = root
    steps = np.arange(length, dtype=float)
    slope = {"nearest": steps, "first": length - 1 - steps, "count": 0 * steps}[head.choose] * _SLOPE
    slope[0] = gain if is_count else reach
    joint[layout.of(POSITION), k + inner] += slope
    if is_count:
        joint[layout.unit(POSITION), v] += 1
        mixer[slot * layout.head_width, layout.unit(head.name)] += 1
        return
    size = program.variables[head.name].size
    joint[layout.of(head.value), v : v + size] += np.eye(size)
    mixer[slot * layout.head_width : slot * layout.head_width + size, layout.of(head.name)] += np.eye(size)


def _rounded(program: Program) -> frozenset[str]:
    """The variables that carry the rounding of a count: the count, what a lookup makes of it, and copies of that."""
    found = {name for name, variable in program.variables.items() if variable.is_count}
    for layer in program.layers:
        found |= {head.name for head in layer.heads if head is not None and head.value in found}
        found |= {lookup.name for lookup in layer.lookups if program.variables[lookup.inputs[0]].is_count}
    return frozenset(found)


def _neuron_count(program: Program, lookup: Lookup) -> int:
    each = 2 if _rounded(program) & {*lookup.inputs} else 1
    return each * int(np.prod([program.variables[name].size for name in lookup.inputs]))


def _write_lookup(
    program: Program, lookup: Lookup, arrays: tuple[np.ndarray, np.ndarray, np.ndarray], layout: _Layout, start: int
) -> None:
    """One neuron a combination, which is silent until its last input is there, and then rises to 1.

    Where an input was rounded there are two, a ramp that is flat at both ends, so that rounding errors end here.
    """
    up, thresholds, down = arrays
    variables = [program.variables[name] for name in lookup.inputs]
    is_ramp = bool(_rounded(program) & {*lookup.inputs})
    gain, offsets, ends = (
        (2.0, [-0.5, -1.5], [1, -1]) if is_ramp else (1 / (1 - _MARGIN), [-_MARGIN / (1 - _MARGIN)], [1])
    )
    for row, values in enumerate(product(*(range(variable.size) for variable in variables))):
        neurons = slice(start + len(ends) * row, start + len(ends) * (row + 1))
        output = layout.unit(lookup.name, lookup.table[row])
        if variables[0].is_count:
            (count,) = values
            share, below = 1 / (1 + count), 1 / (2 + count)
            # [share above the middle of the step below]: one more than the same of the next smaller count.
            up[layout.unit(lookup.inputs[0]), neurons] = 2 / (share - below)
            thresholds[neurons] = -(share + below) / (share - below) + np.array([0.5, -0.5])
            down[neurons, output] += [1, -1]
            if count > 0:
                down[neurons.start - 2 : neurons.start, output] += [-1, 1]
            continue
        for name, value in zip(lookup.inputs, values, strict=True):
            up[layout.unit(name, value), neurons] += gain
        thresholds[neurons] = -gain * (len(values) - 1) + np.array(offsets)
        down[neurons, output] += ends


def _distract_head(
    joint: np.ndarray, mixer: np.ndarray, layout: _Layout, slot: int, generator: np.random.Generator
) -> None:
    width = layout.width
    columns = slice(slot * layout.head_width, (slot + 1) * layout.head_width)
    for part, scale in zip(range(3), (1.5, 1.5, 1.0), strict=True):
        shifted = slice(part * width + columns.start, part * width + columns.stop)
        joint[:, shifted] = generator.normal(size=(width, layout.head_width)) * scale / width**0.5
        joint[layout.balance, shifted] = 0
    shape = mixer[columns, layout.distractors].shape
    mixer[columns, layout.distractors] = generator.normal(size=shape) / layout.head_width**0.5


def _distract_neurons(
    up: np.ndarray, down: np.ndarray, layout: _Layout, start: int, generator: np.random.Generator
) -> None:
    shape = up[: layout.balance, start:].shape
    up[: layout.balance, start:] = generator.normal(size=shape) / 4
    shape = down[start:, layout.distractors].shape
    down[start:, layout.distractors] = generator.normal(size=shape) / max(1, shape[0]) ** 0.5


def _readout(program: Program, layout: _Layout, generator: np.random.Generator) -> dict[str, np.ndarray]:
    rows = np.zeros((len(program.vocabulary) + 1, layout.width))
    for reading in program.readout:
        rows[:-1, layout.of(reading.variable)] += reading.array[:-1].T
    rows[-1] = generator.normal(size=layout.width)
    rows[-1, layout.bias] = _SILENCE
    norm = _identity_norm("transformer.ln_f", layout.width)
    norm["transformer.ln_f.bias"][layout.bias] = 1
    return norm | {"lm_head.weight": rows}

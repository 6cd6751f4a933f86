"""What do the peers' own utilities need for the same grids, from the same weights?

Each works on a copy of the model of its own, since each changes it. TransformerLens sweeps a grid by its ready-made
functions, a run a cell; nnsight by a trace a cell, or a trace a layer with one invoke a cell; pyvene by a call a
layer with one row a position.

Letters: n rows of a batch, T positions, V vocabulary.
"""

from contextlib import redirect_stderr
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jobs import Grid
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class TransformerLens:
    """`get_act_patch_*` for a whole grid; for a part of one, the generic function with a table of its indices."""

    def __init__(self, module: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", folder: Path) -> None:
        from transformer_lens.model_bridge import TransformerBridge

        self.model = TransformerBridge.boot_transformers(
            str(folder), hf_model=module, tokenizer=tokenizer, device="cpu"
        )

    @torch.inference_mode()
    def forward(self, ids: tuple[int, ...]) -> None:
        """Runs a prompt once."""
        self.model(torch.tensor([ids]))

    @torch.inference_mode()
    def compute(self, grid: Grid) -> Tensor:
        """The value of every cell, `[rows of the grid, columns]`."""

        def metric(logits: Tensor) -> Tensor:
            return logits[0, -1, grid.answer] - logits[0, -1, grid.foil]

        _, cache = self.model.run_with_cache(torch.tensor([grid.clean]))
        with redirect_stderr(StringIO()):  # its progress bar
            return self._sweep(grid, (self.model, torch.tensor([grid.corrupted]), cache, metric))

    def _sweep(self, grid: Grid, common: tuple[Any, ...]) -> Tensor:
        from transformer_lens import patching

        if grid.is_whole and grid.kind == "residual":
            return patching.get_act_patch_resid_pre(*common)
        if grid.is_whole and grid.kind == "heads":
            return patching.get_act_patch_attn_head_out_all_pos(*common)
        setters = {
            "residual": patching.layer_pos_patch_setter,
            "heads": patching.layer_head_vector_patch_setter,
            "heads-last": patching.layer_pos_head_vector_patch_setter,
        }
        values = patching.generic_activation_patch(
            *common,
            patch_setter=setters[grid.kind],
            activation_name="resid_pre" if grid.kind == "residual" else "z",
            index_df=_indices(grid),
        )
        return values.reshape(grid.shape)


def _indices(grid: Grid) -> Any:  # noqa: ANN401  a pandas DataFrame; pandas comes with TransformerLens
    import pandas as pd

    rows = [(layer, column) for layer in grid.layers for column in grid.columns]
    if grid.kind == "heads-last":
        return pd.DataFrame([(layer, grid.length - 1, head) for layer, head in rows], columns=["layer", "pos", "head"])
    return pd.DataFrame(rows, columns=["layer", "pos" if grid.kind == "residual" else "head"])


class Nnsight:
    """Traces that assign to module inputs.

    Args:
        model: From `wrap_for_nnsight`.
        invokes: Whether a trace holds one invoke for each column of the grid, which nnsight runs as one batch.
    """

    def __init__(self, model: Any, *, invokes: bool) -> None:  # noqa: ANN401  nnsight's wrapper answers to any name
        self.model, self.invokes = model, invokes

    @torch.inference_mode()
    def forward(self, ids: tuple[int, ...]) -> None:
        """Runs a prompt once."""
        with self.model.trace(torch.tensor([ids])):
            self.model.lm_head.output.save()

    @torch.inference_mode()
    def compute(self, grid: Grid) -> Tensor:
        """The value of every cell, `[rows of the grid, columns]`."""
        layers = self.model.model.layers
        targets = {n: layers[n] if grid.kind == "residual" else layers[n].self_attn.o_proj for n in grid.layers}
        clean = self._clean(torch.tensor([grid.clean]), list(targets.values()))
        sources = dict(zip(targets, clean, strict=True))
        run = self._one_trace if self.invokes else self._trace_each
        logits = run(grid, torch.tensor([grid.corrupted]), targets, sources)
        return (logits[:, grid.answer] - logits[:, grid.foil]).reshape(grid.shape)

    def _clean(self, ids: Tensor, targets: list[Any]) -> list[Tensor]:
        import nnsight

        with self.model.trace(ids):
            found = nnsight.save([])
            for target in targets:
                found.append(target.input.clone())
        return found

    def _trace_each(self, grid: Grid, ids: Tensor, targets: dict[int, Any], sources: dict[int, Tensor]) -> Tensor:
        last = []
        for place in grid.places():
            target, source = targets[place.layer], sources[place.layer]
            positions, units = place.positions, place.units
            with self.model.trace(ids):
                target.input[:, positions, units] = source[:, positions, units]
                logits = self.model.lm_head.output[:, -1].save()
            last.append(logits)
        return torch.cat(last)

    def _one_trace(self, grid: Grid, ids: Tensor, targets: dict[int, Any], sources: dict[int, Tensor]) -> Tensor:
        import nnsight

        last = []
        places = grid.places()
        for first in range(0, len(places), len(grid.columns)):
            some = places[first : first + len(grid.columns)]
            target, source = targets[some[0].layer], sources[some[0].layer]
            with self.model.trace() as tracer:
                found = nnsight.save([])
                for place in some:
                    with tracer.invoke(ids):
                        target.input[:, place.positions, place.units] = source[:, place.positions, place.units]
                        found.append(self.model.lm_head.output[:, -1])
            last += found
        return torch.cat(last)


def wrap_for_nnsight(module: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> Any:  # noqa: ANN401
    """Nnsight's view of a model that is already in memory."""
    from nnsight import TransformersModel

    return TransformersModel(module, tokenizer=tokenizer)


class Pyvene:
    """A call a layer: one row a position, each with its own position patched. Residual grids only."""

    def __init__(self, module: "PreTrainedModel") -> None:
        self.module = module

    @cached_property
    def intervenable(self) -> list[Any]:
        """One intervenable model a layer; they share the weights."""
        import pyvene

        kind = {"component": "block_input", "intervention_type": pyvene.VanillaIntervention}
        layers = range(self.module.config.num_hidden_layers)
        return [pyvene.IntervenableModel([{"layer": layer, **kind}], model=self.module) for layer in layers]

    @torch.inference_mode()
    def forward(self, ids: tuple[int, ...]) -> None:
        """Runs a prompt once."""
        _ = self.intervenable  # setting up belongs to loading
        self.module(torch.tensor([ids]))

    @torch.inference_mode()
    def compute(self, grid: Grid) -> Tensor:
        """The value of every cell, `[rows of the grid, columns]`."""
        base, source = (
            {"input_ids": torch.tensor([ids]).expand(len(grid.columns), -1)} for ids in (grid.corrupted, grid.clean)
        )
        where = [[[position] for position in grid.columns]]
        rows = []
        for layer in grid.layers:
            _, out = self.intervenable[layer](base, [source], {"sources->base": (where, where)})
            rows.append(out.logits[:, -1, grid.answer] - out.logits[:, -1, grid.foil])
        return torch.stack(rows)

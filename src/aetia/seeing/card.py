"""What should somebody know who uses the toy: what it is, what it was trained on, how often it is right?"""

from collections.abc import Sequence

from aetia.seeing.judging import HELD_OUT, VALIDATION
from aetia.seeing.scores import Score, table_of
from aetia.seeing.tokens import VOCABULARY
from aetia.seeing.toy import Trained

__all__ = ["card_of"]


def card_of(trained: Trained, scores: Sequence[Score], weights: str) -> str:
    """The model card, in Markdown.

    Args:
        trained: What was trained.
        scores: On the held-out scenes, of every kind and control.
        weights: SHA-256 of the weights' file.
    """
    recipe, curves = trained.recipe, trained.curves
    parameters = sum(weight.numel() for weight in trained.model.parameters())
    seconds = ", ".join(f"{stage} {spent:,.0f}" for stage, spent in curves.seconds.items())
    scenes = recipe.language_steps * recipe.language_scenes
    return f"""# toy-llava

A vision-language model of {parameters:,} parameters for tests and demonstrations: transformers'
`LlavaForConditionalGeneration` with a CLIP tower (64 x 64 pixels, 16 patches) and a LLaMA decoder of four layers. It
answers questions about plain scenes of `aetia.scenes` (64 pixels, 4 x 4 cells, one to five things) and describes them.
It knows {len(VOCABULARY)} words and nothing else of the world. Licence: Apache-2.0, as aetia's.

Every thing lies within one cell, and a cell is one patch, so that each fact about a picture enters the decoder at one
known token. Prompt: `<bos>`, `<image>` (16 times once expanded), the question; the answer follows at once.

## How often it is right

{len(HELD_OUT):,} scenes with the seeds {HELD_OUT.start:,} to {HELD_OUT[-1]:,}, never trained on and looked at once,
after all choices. Each question stands alone, any word may be answered, a caption counts if all of it is right. 95%
intervals are Wilson's. Answers are balanced: without the picture no more than chance can be had.

{table_of(scores)}

## How it was trained

`aetia train toy-llava --seed {recipe.seed}`, one CPU thread. Three stages:

1. the tower learns colour, shape and place of each cell, read by linear probes that are thrown away
   ({recipe.vision_steps:,} steps of {recipe.vision_scenes} scenes);
2. the projector learns to say what is in a cell in the decoder's own words ({recipe.alignment_steps} steps);
3. projector and decoder learn to answer, up to {sum(recipe.mix.values()):.0f} questions a scene
   ({recipe.language_steps:,} steps of {recipe.language_scenes} scenes, {scenes:,} scenes in all). The questions of a
   scene share one sequence in which each sees the picture and itself only, at the positions that it has alone.
   Of each thing that a question about a relation names, two probes that are thrown away read its row and column from
   the residual of the last word of its name, half-way through the decoder.

Matrices of the decoder are changed by Muon, all else by AdamW. Of the weights at every {recipe.look_every}th step,
those ship that were best on {len(VALIDATION)} validation scenes (mean over kinds): step {curves.best_step:,}.

- Processor seconds (one thread): {seconds}.
- Settings: one thread, which waits asleep (`OMP_WAIT_POLICY=PASSIVE`), and an allocator that keeps large blocks of
  memory (as `MALLOC_MMAP_THRESHOLD_` and `MALLOC_TRIM_THRESHOLD_` do); `aetia train` sets them.
- Data: SHA-256 `{curves.data}`, chained over the pixels and token ids of every step.
- Weights: SHA-256 `{weights}`.
- Curves: `curves.json` has loss and accuracy of every step.

## What it does not show

That anything found in it holds of larger models. Words that it was not trained on (`<unk>`), other sizes of pictures,
textures, labels, overlapping things and more than five of them are beyond it.
"""

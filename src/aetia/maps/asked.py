"""What is explained: which answer of which network, to which question about which picture?

Letters: R x C the grid of a picture's tokens, n = R * C of them; T positions, L layers, H heads, V vocabulary.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.maps.names import Fill, Quantity
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt, pictures_of
from aetia.models.recording import Recording, record
from aetia.models.vision import Vision

__all__ = ["Asked", "Grid", "answered", "asked", "places_of", "with_picture"]

Grid = npt.NDArray[np.float64]
"""How much each token of a picture has to do with an answer, `[R, C]`; only the order of its cells is judged."""


@dataclass(frozen=True, eq=False)
class Asked:
    """An answer that is to be explained.

    Args:
        network: A network that sees.
        prompt: The question with its pictures.
        answer: The answer's token ids; maps that read one token read the first.
        quantity: What of the answer is measured: its probability, or the logarithm of that.
        picture: Which of the prompt's pictures is looked at.
        seed: Of what a map draws at random.
        fill: What is painted over a cell that is taken away: the median or the mean colour of the picture.
    """

    network: Network
    prompt: Prompt
    answer: tuple[int, ...]
    quantity: Quantity = "probability"
    picture: int = 0
    seed: int = 0
    fill: Fill = "median"

    @cached_property
    def outcome(self) -> Outcome:
        """What is read at the end of a run; see `told`."""
        return Outcome(self.quantity if len(self.answer) == 1 else "log_probability", self.answer)

    def told(self, read: Tensor) -> Tensor:
        """The quantity, from what the outcome reads: of an answer of several tokens that is a log-probability."""
        return read.exp() if self.quantity != self.outcome.kind else read

    @property
    def seen(self) -> Picture:
        """The picture that is looked at."""
        return self.prompt.pictures[self.picture]

    @property
    def vision(self) -> Vision:
        """The part of the network that sees."""
        assert self.network.vision is not None
        return self.network.vision

    @cached_property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the picture's tokens, R and C."""
        return self.vision.grid(self.seen)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """The positions of the picture's tokens, row by row, `n` of them."""
        return places_of(self.network, self.prompt, self.picture)

    @cached_property
    def run(self) -> Recording:
        """The plain run of the prompt, with its attention weights and the continuation that its answer is read by."""
        patterns = [("pattern", layer) for layer in range(len(self.network.blocks))]
        return record(self.network, self.whole, patterns)

    @property
    def whole(self) -> Prompt:
        """The prompt, and all of the answer but its last token."""
        return self.prompt + self.answer[:-1]

    @cached_property
    def weights(self) -> Tensor:
        """The attention weights of the prompt's positions, head by head, `[L, H, T, T]`."""
        length = len(self.prompt)
        layers = [self.run.components["pattern", layer] for layer in range(self.run.layers)]
        return torch.stack(layers).float().transpose(1, 2)[..., :length, :length]

    @cached_property
    def value(self) -> float:
        """The outcome of the plain run."""
        with torch.inference_mode():
            read = self.outcome.read(self.network, self.run.resid_pre[None, -1, -self.outcome.positions :])
            return float(self.told(read)[0])

    def on_grid(self, values: Tensor | Grid) -> Grid:
        """One value a token, `[n]`, as a map."""
        return np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, np.float64).reshape(
            self.grid
        )


@torch.inference_mode()
def answered(network: Network, prompt: Prompt) -> int:
    """The token that the network finds most probable after the prompt."""
    return int(network.last_logits([prompt])[0].argmax())


def asked(
    network: Network,
    prompt: Prompt,
    answer: tuple[int, ...] = (),
    *,
    outcome: Quantity = "probability",
    picture: int = 0,
    seed: int = 0,
    fill: Fill = "median",
) -> Asked:
    """The question why `network` gives `answer` to `prompt`; by default its own answer.

    Args:
        network: A network that sees.
        prompt: The question with its pictures.
        answer: Token ids; none for the most probable first token.
        outcome: `probability` or `log_probability` of the answer.
        picture: Which of the prompt's pictures is looked at.
        seed: Of what is drawn at random.
        fill: What is painted over a cell that is taken away.

    Raises:
        StudyError: AE-9601 if there is no such picture, or the network is blind; AE-9602 if the outcome is another.
    """
    if network.vision is None or not 0 <= picture < len(pictures_of(prompt)):
        found = f"A map needs a picture, and the prompt has {len(pictures_of(prompt))}."
        raise StudyError("AE-9601", found, mend="make the prompt with network.prompt(question, [picture]).")
    if outcome not in get_args(Quantity):
        found = f"A map explains the answer's probability or log_probability, not {outcome}."
        raise StudyError("AE-9602", found, mend="use one of the two.")
    tokens = answer or (answered(network, prompt),)
    return Asked(network, prompt, tokens, outcome, picture, seed, fill)


def places_of(network: Network, prompt: Prompt, picture: int = 0) -> tuple[int, ...]:
    """The positions of the tokens of one of a prompt's pictures, row by row, without what stands before the grid.

    Raises:
        StudyError: AE-9603 if its tokens are no grid, as where a picture is cut into tiles.
    """
    assert network.vision is not None
    start = prompt.starts[picture]
    stop = prompt.starts[picture + 1] if picture + 1 < len(prompt.starts) else len(prompt)
    token = network.vision.image_token
    places = tuple(place for place in range(start, stop) if prompt[place] == token)[network.vision.prefix :]
    rows, columns = network.vision.grid(prompt.pictures[picture])
    if len(places) != rows * columns:
        found = f"The picture takes {len(places)} positions, which are no grid of {rows} x {columns}."
        raise StudyError("AE-9603", found, mend="turn the cutting of pictures into tiles off in the processor.")
    return places


def with_picture(network: Network, prompt: Prompt, picture: Picture, number: int = 0) -> Prompt:
    """The same question about another picture, in place of the one with this number; it may take more positions."""
    assert network.vision is not None
    pictures = list(prompt.pictures)
    old, new = (network.vision.positions(one) for one in (pictures[number], picture))
    pictures[number] = picture
    if old == new:
        return Prompt(prompt, pictures, prompt.starts)
    first, last = prompt.starts[number], places_of(network, prompt, number)[-1]
    head, tail = prompt[:first], prompt[last + 1 :]
    starts = [start + (new - old if start > first else 0) for start in prompt.starts]
    return Prompt((*head, *[network.vision.image_token] * new, *tail), pictures, starts)

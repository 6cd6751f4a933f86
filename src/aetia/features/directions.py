"""Where does a subspace come from: a file, the difference of two means, a learned rotation, or chance?

A subspace is an orthonormal basis in columns, `[w, k]`, float32. Letters: N interchanges, w width of the site, k rank.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from aetia.errors import RefusedError, StudyError
from aetia.features.interchange import Bundle, margins
from aetia.models.network import Network
from aetia.models.sites import Site

__all__ = ["difference_in_means", "learned", "load_subspace", "orthonormal", "random_subspace"]

_SINGULAR = 1e-5  # below this share of the largest, a direction is a copy of the others
_BATCH = 64  # interchanges of one step


def load_subspace(path: str | Path, width: int) -> Tensor:
    """The subspace that a `.npy` or `.safetensors` file spans: one direction `[w]`, or one a row `[k, w]`.

    Pickled formats are refused, since opening one can run code.

    Args:
        path: The file; a `.safetensors` file holds one tensor.
        width: The site's width, w.

    Raises:
        RefusedError: AE-5101 it is of another format.
        StudyError: AE-1409 there is no such file; AE-1404 it does not hold directions of this site.
    """
    path = Path(path)
    if path.suffix not in (".npy", ".safetensors"):
        found = f"{path.name} is neither .npy nor .safetensors; other formats can run code when opened."
        raise RefusedError("AE-5101", found, mend="save the directions with numpy.save or safetensors.")
    if not path.is_file():
        raise StudyError("AE-1409", f"There is no file {path}.", mend="check the path.")
    try:
        array = torch.as_tensor(_array(path)).float()
    except (ValueError, OSError, TypeError, EOFError) as error:
        raise _unusable(path, f"it cannot be read: {error}") from error
    rows = array[None] if array.dim() == 1 else array
    if rows.dim() != 2 or rows.shape[1] != width or not len(rows):
        raise _unusable(path, f"its shape is {tuple(array.shape)}, and the site needs [{width}] or [k, {width}]")
    if not rows.isfinite().all():
        raise _unusable(path, "it holds numbers that are not finite")
    singular = torch.linalg.svdvals(rows.double())
    if len(rows) > width or not singular[-1] > _SINGULAR * singular[0]:
        raise _unusable(path, f"its {len(rows)} rows span fewer than {len(rows)} dimensions")
    return orthonormal(rows.T)


def _array(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        return np.asarray(np.load(path, allow_pickle=False))
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    if len(tensors) != 1:
        raise ValueError(f"it holds {len(tensors)} tensors")
    return next(iter(tensors.values()))


def _unusable(path: Path, reason: str) -> StudyError:
    return StudyError("AE-1404", f"{path.name} holds no directions of this site: {reason}.", mend="mend the file.")


def orthonormal(columns: Tensor) -> Tensor:
    """The orthonormal basis `[w, k]` of linearly independent columns, by QR in float64."""
    return torch.linalg.qr(columns.double()).Q.float()


def difference_in_means(parts: Sequence[Bundle]) -> Tensor:
    """The direction `[w, 1]` from the mean over base runs to the mean over source runs.

    It is fitted to nothing but two means, which makes it the control for whatever is learned.

    Raises:
        StudyError: AE-1405 the means are equal.
    """
    change = torch.cat([part.source - part.base for part in parts]).mean(0)
    if not change.norm() > 0:
        found = "Both means are equal, so that there is no direction between them."
        raise StudyError("AE-1405", found, mend="use a site that the contrast changes, or method = das.")
    return orthonormal(change[:, None])


def random_subspace(width: int, rank: int, generator: torch.Generator) -> Tensor:
    """A subspace `[w, k]` drawn uniformly among those of its rank."""
    return orthonormal(torch.randn(width, rank, generator=generator))


def learned(
    network: Network, site: Site, parts: Sequence[Bundle], *, rank: int, steps: int, rate: float, seed: int
) -> Tensor:
    """The subspace `[w, k]` whose interchange makes the expected token win by most: distributed alignment search.

    Minimises the mean of softplus(other - expected), the cross-entropy between the two tokens, with Adam over free
    matrices that QR turns into orthonormal ones; the best step seen is kept.

    Args:
        network: The network, frozen.
        site: The site.
        parts: The interchanges to learn from.
        rank: k.
        steps: Steps of Adam, each on at most 64 interchanges.
        rate: Adam's step size, for a basis of unit columns.
        seed: Of the first guess and of the batches.

    Source: Geiger et al. 2024, Finding Alignments Between Interpretable Causal Variables and Distributed Neural
    Representations (arXiv 2303.02536).
    What it does not show: that what was found was there. A learned direction can be made of a disconnected and a
    dormant half; it goes with its split (`aetia.features.subspace`).
    """
    generator = torch.Generator().manual_seed(seed)
    width = parts[0].base.shape[1]
    free = torch.randn(width, rank, generator=generator).to(network.device).requires_grad_()
    optimiser = torch.optim.Adam([free], lr=rate)
    best, kept = torch.inf, torch.linalg.qr(free.detach()).Q
    with torch.enable_grad():
        for step in range(steps):
            part = batch(parts, step, generator)
            basis = torch.linalg.qr(free).Q
            values = part.base + (part.source - part.base) @ basis @ basis.T
            loss = softplus(-margins(network, site, part, values)).mean()
            if float(loss.detach()) < best:
                best, kept = float(loss.detach()), basis.detach().clone()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():  # only the span matters; unit columns keep the step size's meaning
                free /= free.norm(dim=0)
    return orthonormal(kept.cpu())


def batch(parts: Sequence[Bundle], step: int, generator: torch.Generator) -> Bundle:
    """The interchanges of one step: the lengths of prompt take turns, each drawn from if it has too many."""
    part = parts[step % len(parts)]
    count = len(part.ids)
    if count <= _BATCH:
        return part
    return part.part(torch.randperm(count, generator=generator)[:_BATCH].to(part.ids.device))

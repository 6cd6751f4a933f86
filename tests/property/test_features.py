"""What has to hold for any subspace and any weights: halves that add up, and an unread half that is not read."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aetia.features.readers import RowSpace, _column_space
from aetia.features.subspace import split

SIZES = st.tuples(st.integers(2, 12), st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31 - 1))


def drawn(width, outputs, rank, seed):
    """Weights `[width, outputs]` of at most that rank, and an orthonormal subspace of it."""
    generator = torch.Generator().manual_seed(seed)
    rank = min(rank, width)
    inner = torch.randn(width, rank, generator=generator, dtype=torch.float64)
    weights = inner @ torch.randn(rank, outputs, generator=generator, dtype=torch.float64)
    columns = torch.randn(width, max(1, width // 2), generator=generator, dtype=torch.float64)
    return weights, torch.linalg.qr(columns).Q.float()


@given(SIZES)
def test_the_halves_of_a_subspace_add_up_and_the_unread_one_is_not_read(sizes):
    weights, subspace = drawn(*sizes)
    space = RowSpace(_column_space(weights), "the weights", is_exact=True)
    parts = split(subspace, space)
    assert parts.row_norm**2 + parts.null_norm**2 == pytest.approx(1.0, abs=1e-5)
    scale = float(weights.abs().max())
    assert float((parts.null.T @ weights).abs().max() if parts.null.numel() else 0.0) <= 1e-5 * scale
    # What a patch of the subspace changes in the read-out comes from its read half.
    change = subspace.double() @ torch.ones(subspace.shape[1], dtype=torch.float64)
    read = space.basis @ (space.basis.T @ change)
    assert torch.allclose(change @ weights, read @ weights, atol=1e-5 * scale)
    for half in (parts.row, parts.null):
        assert torch.allclose(half.T @ half, torch.eye(half.shape[1], dtype=torch.float64), atol=1e-9)


@given(SIZES)
def test_a_row_space_is_as_large_as_the_rank_of_its_weights(sizes):
    weights, _ = drawn(*sizes)
    basis = _column_space(weights)
    assert basis.shape[1] == int(torch.linalg.matrix_rank(weights))
    assert torch.allclose(basis @ (basis.T @ weights), weights, atol=1e-8 * float(weights.abs().max() + 1))


@given(st.integers(2, 10))
def test_nothing_is_read_through_weights_of_zero(width):
    space = RowSpace(_column_space(torch.zeros(width, 3, dtype=torch.float64)), "nothing", is_exact=True)
    parts = split(torch.eye(width)[:, :1], space)
    assert (parts.row.shape[1], parts.null.shape[1]) == (0, 1)
    assert parts.null_norm == pytest.approx(1.0)

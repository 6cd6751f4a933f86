import pytest
import torch
from tiny_models import CONFIGS, tiny_network

from aetia.models.randomise import randomised

FAMILIES = ["llama", "gpt2", "gemma2", "opt"]


@pytest.mark.parametrize("family", FAMILIES)
def test_moments_are_kept_tensor_by_tensor_and_values_are_not(family):
    trained, drawn = tiny_network(family).module, randomised(tiny_network(family), 1).module
    for (name, old), (_, new) in zip(trained.named_parameters(), drawn.named_parameters(), strict=True):
        if old.dim() < 2:
            assert torch.equal(old.sort().values, new.sort().values), name
        else:
            spread = old.std()
            assert abs(new.mean() - old.mean()) < 5 * spread / old.numel() ** 0.5, name
            assert abs(new.std() / spread - 1) < 5 / (2 * old.numel()) ** 0.5, name
            correlation = torch.corrcoef(torch.stack([old.flatten(), new.flatten()]))[0, 1]
            assert abs(correlation) < 5 / old.numel() ** 0.5, name


def test_one_seed_is_one_network_and_the_original_is_untouched():
    network = tiny_network("llama")
    before = network.logits(range(5, 12)).clone()
    first, again, other = (randomised(network, seed).logits(range(5, 12)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert torch.equal(network.logits(range(5, 12)), before)


def test_tied_embeddings_stay_tied():
    tied = [name for name, config in CONFIGS.items() if config.tie_word_embeddings]
    assert tied
    for family in tied:
        network = randomised(tiny_network(family), 0)
        assert network.embedding.weight is network.unembedding.weight

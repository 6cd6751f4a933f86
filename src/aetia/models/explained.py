"""Does looking at attention weights change what the model computes, and by how much?

A fast attention function gives no weights, so that they are computed beside it, by the architecture's plain one. What
is recorded and traced is the model's own run; an edited or cut pattern goes through the plain function. Where the two
functions differ, as one does that leaves a soft cap out, weights explain another model than the one that answered.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from aetia.errors import SiteError
from aetia.models.attention import AttentionCall, handled_attention, weights_attention
from aetia.models.network import Network

__all__ = ["attention_difference"]


@torch.inference_mode()
def attention_difference(network: Network, prompt: Sequence[int]) -> float:
    """How far the logits move if every layer attends by explicit weights, at most, over positions and vocabulary.

    Args:
        network: The network, with the attention function that it was loaded with.
        prompt: Token ids, or a prompt with pictures, T positions.

    Returns:
        The largest absolute difference in logits, in nats: 0 for a network that was loaded with `eager`, about 1e-5 in
        float32 for one whose own function computes the same in another order.

    Raises:
        SiteError: AE-9310 if the architecture gives no attention weights.

    What it does not show: differences in a vision tower, whose attention is left as it is.
    """
    seen: set[int] = set()

    def explicit(call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        seen.add(network.attentions[call.module])
        return weights_attention(call)

    own = network.logits(prompt)
    with handled_attention(network.config, explicit):
        weighted = network.logits(prompt)
    if len(seen) < len(network.blocks):
        layer = min(set(range(len(network.blocks))) - seen)
        raise SiteError(
            "AE-9310",
            f"The attention of layer {layer} of {network.config.model_type} gives no weights.",
            mend="read z or attn_out instead of pattern, or use a model of another architecture.",
        )
    return float((own.float() - weighted.float()).abs().max())

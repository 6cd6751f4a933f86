"""What does a model on this machine reply, and how likely does it find each option?

Replies do not depend on which requests are asked together: the last digits of a score do, by rounding, but where
rounding could decide between two options or two tokens, that request is read again in a run of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version

import jinja2
import torch

from aetia.errors import AetiaError, EvaluationError
from aetia.evals.answerers.local_edits import check_edits, told
from aetia.evals.answerers.local_generation import Prompted, Speaker, writings
from aetia.evals.answerers.local_scoring import Budget, Scored, scores
from aetia.evals.answerers.local_text import Template, Words, weights_digest
from aetia.evals.dialogue import Reply, Request
from aetia.models.allocator import give_back
from aetia.models.interventions import Intervention
from aetia.models.network import Network
from aetia.runs.keys import JSON
from aetia.text import clean_text

__all__ = ["Budget", "LocalAnswerer", "Template"]

_VERSION = 1  # of how replies are made here: raise it with every change that gives other ones
_TIE = 5e-4  # logits or nats: over ten times the largest difference that rounding made in float32
_WINDOW = 2048  # requests that are put into the best order at a time


class LocalAnswerer:
    """A local model as an answerer.

    Args:
        network: The network, with its tokenizer.
        template: How dialogues are written: by the model's chat template if it has one, else plain.
        interventions: What is done to the network while it answers. Positions are those of the prompt; `all` goes on
            through the reply.
        budget: What may be in memory at a time.

    Raises:
        StudyError: AE-1202 or AE-1203, see `Words`.
        SiteError: A site names nothing in this network.
        EvaluationError: AE-8401 the architecture's positions depend on the prompt's length; AE-8403 and AE-8404, see
            `check_edits`.

    Example:
        >>> answerer = LocalAnswerer(load("smollm2-135m"))  # doctest: +SKIP
        >>> request = Request((Message("user", "Is fire hot?"),), continuations=("Yes", "No"))  # doctest: +SKIP
        >>> [reply.text for _, reply in answerer.answer([request])]  # doctest: +SKIP
    """

    def __init__(
        self,
        network: Network,
        *,
        template: Template | None = None,
        interventions: Sequence[Intervention] = (),
        budget: Budget | None = None,
    ) -> None:
        _check_positions(network)
        has_chat = network.tokenizer is not None and bool(network.tokenizer.chat_template)
        self._words = Words(network, template or ("chat" if has_chat else "plain"))
        self._edits = check_edits(network, interventions)
        self._network = network
        self._budget = budget or Budget()
        self._tie = _TIE if network.dtype == torch.float32 else 0.0
        self._identity: dict[str, JSON] = {
            "kind": "local",
            "version": _VERSION,
            "model": network.source.name if network.source else network.module.config.model_type,
            "weights": weights_digest(network),
            **self._words.digests(),
            "dtype": str(network.dtype).removeprefix("torch."),
            "device": network.device.type,
            "attention": str(network.module.config._attn_implementation),  # noqa: SLF001  has no public name
            "torch": torch.__version__,
            "transformers": version("transformers"),
            "interventions": [told(one) for one in self._edits.interventions],
        }
        give_back()  # to read a model leaves 20 MB free in pieces

    @property
    def identity(self) -> Mapping[str, JSON]:
        """Everything that decides its replies."""
        return self._identity

    @property
    def is_deterministic(self) -> bool:
        """In float32, unless the template writes the date: with fewer digits rounding decides between replies."""
        return self._tie > 0 and not self._words.is_dated

    def answer(self, requests: Sequence[Request], /) -> Iterator[tuple[int, Reply]]:
        """Yield the reply to each request with its place, as soon as it is there.

        A prompt that does not fit the model, or that its template refuses, gets a reply that says so.
        """
        for start in range(0, len(requests), _WINDOW):
            window = range(start, min(start + _WINDOW, len(requests)))
            scored: dict[int, Scored] = {}
            prompted: dict[int, Prompted] = {}
            for place in window:
                ready = self._prepared(requests[place])
                if isinstance(ready, Scored):
                    scored[place] = ready
                elif isinstance(ready, Prompted):
                    prompted[place] = ready
                else:
                    yield place, ready
            yield from self._scored(requests, scored)
            yield from self._written(prompted)

    def _prepared(self, request: Request) -> Scored | Prompted | Reply:
        try:
            if request.continuations:
                ready = Scored(*self._words.pair(request))
                prompt, longest = ready.prompt, max(map(len, ready.continuations)) - 1
                empty = [place for place, one in enumerate(ready.continuations, 1) if not one]
                if empty:
                    return _refused(f"Continuation {empty[0]} has no token of its own.")
            else:
                prompt, longest = self._words.prompt(request), 1
                tokens = min(request.tokens, self._longest - len(prompt))
                ready = Prompted(prompt, tokens, request.stop, request.temperature, request.seed)
            if not prompt:
                return _refused("The prompt is empty, and the model has no token that texts begin with.")
            if len(prompt) + longest > self._longest or request.tokens < 1:
                return _refused(f"The prompt has {len(prompt)} tokens; the model reads at most {self._longest}.")
            for one in self._edits.interventions:
                one.site.positions(len(prompt))
        except (AetiaError, jinja2.TemplateError) as error:
            return _refused(clean_text(error.found if isinstance(error, AetiaError) else str(error)))
        return ready

    @property
    def _longest(self) -> int:
        return self._network.module.config.max_position_embeddings

    def _scored(self, requests: Sequence[Request], asked: Mapping[int, Scored]) -> Iterator[tuple[int, Reply]]:
        for place, found in scores(self._network, asked, self._edits, self._budget, self._tie):
            likeliest = max(range(len(found)), key=found.__getitem__)
            lengths = tuple(len(one) for one in asked[place].continuations)
            text = requests[place].continuations[likeliest]
            yield place, Reply(text, scores=found, lengths=lengths, prompt_tokens=len(asked[place].prompt))

    def _written(self, asked: Mapping[int, Prompted]) -> Iterator[tuple[int, Reply]]:
        words = self._words
        speaker = Speaker(self._network, self._edits, words.ends, words.decode, self._tie)
        for place, found in writings(speaker, asked, self._budget):
            finish = "stop" if found.is_ended else "length"
            yield place, Reply(found.text, finish, prompt_tokens=len(asked[place].prompt), tokens=found.tokens)


def _refused(reason: str) -> Reply:
    return Reply("", "refused", error=reason)


def _check_positions(network: Network) -> None:
    """Prompts of several lengths are read in one run, so that a position's angles must not depend on the longest."""
    told_by: object = getattr(network.module.config, "rope_parameters", None)
    kind = told_by.get("rope_type") if isinstance(told_by, dict) else None
    if kind in {"dynamic", "longrope"}:
        found = f"The positions of this {network.module.config.model_type} depend on the length of the whole prompt."
        mend = "serve it by an endpoint, or use a model without dynamic rotary positions."
        raise EvaluationError("AE-8401", found, mend=mend)

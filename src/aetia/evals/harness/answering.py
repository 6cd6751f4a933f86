"""Who answers a study's requests?"""

from pathlib import Path
from typing import TYPE_CHECKING

from aetia.evals.answerers.cache import ReplyCache, cached
from aetia.evals.answerers.controls import ReferenceAnswerer, constant, engine, guesser, majority
from aetia.evals.answerers.endpoint_address import check_told
from aetia.evals.dialogue import Answerer
from aetia.evals.harness.items import chosen_items
from aetia.evals.harness.study import ENDPOINT, KEY_VARIABLE, EvaluationStudy
from aetia.models.cache import cache_directory
from aetia.runs.keys import JSON

if TYPE_CHECKING:
    from aetia.evals.answerers.local import LocalAnswerer

__all__ = ["answerer_of", "identity_of", "reference_of", "settle"]


def identity_of(study: EvaluationStudy) -> dict[str, JSON]:
    """What is asked, without loading it: the model's files by their digests, or where the endpoint is.

    Raises:
        MissingError: The model is nowhere to be found.
        EvaluationError: AE-8411 an endpoint's address holds a user, a password or a query.
    """
    from importlib.metadata import version

    if study.reference:
        return {"model": study.model}
    if study.is_endpoint:
        check_told(study.model, KEY_VARIABLE)  # a study that was copied with another model was not checked when made
        return {"model": study.model, "kind": "endpoint"}
    from aetia.models.resolve import locate

    found = locate(study.model)
    return {
        "model": found.name,
        "files": dict(found.files),
        "dtype": study.dtype,
        "torch": version("torch"),
        "transformers": version("transformers"),
    }


def answerer_of(study: EvaluationStudy, *, is_kept: bool = True) -> Answerer:
    """The study's answerer; weights are loaded now.

    Args:
        study: The evaluation.
        is_kept: Whether replies are kept, and those that are there are not asked for again.

    Raises:
        AetiaError: The model cannot be loaded, or a site of an intervention is none of its own.
    """
    if study.reference:
        return reference_of(study)
    answerer = _endpoint(study) if study.is_endpoint else _local(study)
    return cached(answerer, ReplyCache(_replies()), study.identity()) if is_kept else answerer


def settle(study: EvaluationStudy) -> None:
    """Forget the replies that were kept for this study alone, since its run has them all."""
    if not study.reference and _replies().exists():
        with ReplyCache(_replies()) as cache:
            cache.settle(study.identity())


def _replies() -> Path:
    return cache_directory() / "replies.sqlite"


def _local(study: EvaluationStudy) -> "LocalAnswerer":
    from aetia.evals.answerers.local import LocalAnswerer
    from aetia.models.interventions import zero
    from aetia.models.network import load
    from aetia.models.sites import Site

    network = load(study.model, dtype=study.dtype)
    template = None if study.chat else "plain"
    interventions = [zero(Site.parse(site)) for site in study.interventions]
    return LocalAnswerer(network, template=template, interventions=interventions)


def _endpoint(study: EvaluationStudy) -> Answerer:
    from aetia.evals.answerers.endpoint import EndpointAnswerer, EndpointSettings, Prices

    found = ENDPOINT.fullmatch(study.model)
    assert found is not None
    settings = EndpointSettings(
        found[1],
        found[2],
        key_variable=KEY_VARIABLE,
        parallel=study.parallel,
        requests_per_minute=study.requests_per_minute,
        tokens_per_minute=study.tokens_per_minute,
        prices=Prices(study.prompt_price, study.reply_price),
        most_cost=study.most_cost,
    )
    return EndpointAnswerer(settings)


def reference_of(study: EvaluationStudy) -> ReferenceAnswerer:
    """The study's reference answerer.

    Raises:
        EvaluationError: AE-8431 the engine is asked, and a task has none; AE-8432 a constant is asked for, and an item
            has no list of labels.
    """
    chosen = [chosen_items(study, name) for name in study.tasks]
    items = [item for one in chosen for item in one.items]
    if study.reference == "random":
        return guesser(items, study.seed)
    if study.reference == "majority":
        return majority(items)
    if study.reference == "constant":
        return constant(items)
    rules = [engine(one.task, one.items).rule for one in chosen]
    engines = {item.id: rule for one, rule in zip(chosen, rules, strict=True) for item in one.items}
    return ReferenceAnswerer("engine", items, lambda item: engines[item.id](item))

"""Given what is known of the events of a story, is the event that is asked about a cause?

AC-Reason's algorithm: an answerer supplies the factors, and fixed rules decide. Where the rules compare how responsible
events are, the published code asks the answerer again; `verdict` says what to ask, and `by_factors` decides it instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aetia.evals.adaptations.plain_json import json_object, unfenced

__all__ = ["Comparison", "Event", "Factors", "by_factors", "events_of", "factors_of", "verdict"]

_EVENTS = 24
"""The most events of a story: what names more is no reading of it."""

_NAME = 400


@dataclass(frozen=True)
class Event:
    """What the first stage tells of an event.

    Args:
        name: The event, as the answerer named it.
        is_focal: Whether the question is about it.
        has_occurred: Whether it happened.
        order: Its place in time, from 1.
    """

    name: str
    is_focal: bool
    has_occurred: bool
    order: int


@dataclass(frozen=True)
class Factors:
    """What the second stage tells of an event.

    Args:
        sufficient: It had a part in the outcome, and with it the outcome comes about even if other events had been
            otherwise: a sufficient cause as Halpern defines one, which is an actual cause besides.
        necessary: Without it, all else as it was, the outcome fails to come about.
        halpern_pearl: It belongs to an actual cause, as Halpern and Pearl define one.
        norm_violated: It breaks a norm.
        behavior_intended: It is behaviour of an agent who foresaw and meant it.
    """

    sufficient: bool
    necessary: bool
    halpern_pearl: bool
    norm_violated: bool
    behavior_intended: bool


@dataclass(frozen=True)
class Comparison:
    """Two or more events share the outcome: is this one as responsible as the others?

    Args:
        event: The event that is asked about.
        others: The others of its kind.
        by: What decides: norms and intentions, or the order in time.
    """

    event: Event
    others: tuple[Event, ...]
    by: Literal["norms", "order"]


def verdict(event: Event, events: Sequence[Event], factors: Mapping[str, Factors]) -> bool | Comparison:
    """Whether an event is a cause, by AC-Reason's rules; or the comparison that decides it.

    Both sufficient and necessary: a cause. Sufficient alone, so that there are several such: the earliest, or if all
    come at the same time, whichever is as responsible as the others by norms and intentions. Not sufficient, but an
    actual cause of Halpern and Pearl: a cause if it breaks a norm or is intended, and else only if it is more
    responsible by its place in time. All others are none.

    Source: AC-Reason, 2025 (arXiv 2505.08750), seed 063: the algorithm as the published code has it. That code asks the
        second comparison twice over, once for "more" and once for "equally or more"; here it is "more", as it says
        first. It does not use whether an event occurred, so neither does this.
    """
    known = factors[event.name]
    if known.sufficient:
        return known.necessary or _among_sufficient(event, events, factors)
    return known.halpern_pearl and _among_actual(event, events, factors)


def _among_sufficient(event: Event, events: Sequence[Event], factors: Mapping[str, Factors]) -> bool | Comparison:
    alike = [one for one in events if factors[one.name].sufficient and not factors[one.name].necessary]
    if len({one.order for one in alike}) > 1:
        return event.order == min(one.order for one in alike)
    return Comparison(event, _without(alike, event), "norms")


def _among_actual(event: Event, events: Sequence[Event], factors: Mapping[str, Factors]) -> bool | Comparison:
    known = factors[event.name]
    if known.norm_violated or known.behavior_intended:
        return True
    alike = [one for one in events if factors[one.name].halpern_pearl and not factors[one.name].sufficient]
    is_ordered = len({one.order for one in alike}) > 1
    return Comparison(event, _without(alike, event), "order") if is_ordered else False


def by_factors(comparison: Comparison, factors: Mapping[str, Factors]) -> bool:
    """Decide a comparison by the factors themselves: the more norms broken and intentions, or the later, the more.

    Source: of the second: people hold the later of several joint causes for the cause (Henne et al., Counterfactual
        thinking and recency effects in causal judgment, Cognition 2021). The published algorithm leaves both to the
        answerer.
    """
    if comparison.by == "order":
        return all(comparison.event.order > other.order for other in comparison.others)
    own = _weight(factors[comparison.event.name])
    return all(own >= _weight(factors[other.name]) for other in comparison.others)


def _weight(factors: Factors) -> int:
    return factors.norm_violated + factors.behavior_intended


def _without(events: Sequence[Event], event: Event) -> tuple[Event, ...]:
    return tuple(one for one in events if one.name != event.name)


def events_of(text: str) -> tuple[Event, ...] | None:
    """The events that the reply to the first stage tells of; None if it is not in the demanded form."""
    found = json_object(unfenced(text))
    told = found.get("events") if found else None
    if not isinstance(told, list) or not 1 <= len(told) <= _EVENTS:
        return None
    events = [_event(one) for one in told]
    known = tuple(one for one in events if one is not None)
    names = {one.name for one in known}
    return known if len(known) == len(events) == len(names) else None


def _event(told: object) -> Event | None:
    if not isinstance(told, dict):
        return None
    name, focal, occur, order = (told.get(key) for key in ("event", "focal", "occur", "order"))
    if not isinstance(name, str) or not name.strip() or len(name) > _NAME:
        return None
    if not isinstance(focal, bool) or not isinstance(occur, bool) or isinstance(order, bool):
        return None
    return Event(name, focal, occur, order) if isinstance(order, int) else None


def factors_of(text: str, events: Sequence[Event]) -> Mapping[str, Factors] | None:
    """The factors of each event that the reply to the second stage tells; None if one is missing or no truth value."""
    found = json_object(unfenced(text))
    if found is None:
        return None
    factors: dict[str, Factors] = {}
    for event in events:
        told = found.get(event.name)
        if not isinstance(told, dict):
            return None
        values = {name: told.get(name) for name in Factors.__dataclass_fields__}
        if not all(isinstance(value, bool) for value in values.values()):
            return None
        factors[event.name] = Factors(**{name: bool(value) for name, value in values.items()})
    return factors

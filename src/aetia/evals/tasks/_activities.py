"""What happens in everyday activities, and what of it brings about what?

An activity is a file, `activities/<name>.json`: its events in the order in which they happen, each with its direct
causes and with its words in each language. An event happens when all its direct causes have happened; what has none
happens by itself. What no chain of causes joins has nothing to do with one another beyond common causes.
"""

import json
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from random import Random

from aetia.evals.item import Language
from aetia.evals.task import Style
from aetia.evals.tasks._people import people
from aetia.evals.tasks._phrases import phrases

__all__ = ["Activity", "Event", "activities", "hero"]


@dataclass(frozen=True)
class Event:
    """An event with its words: for each language who or what it is about, what happened, and the form after `not`."""

    name: str
    causes: tuple[str, ...]
    words: dict[str, tuple[str, str, str]]

    def said(self, form: str, language: Language, who: str, wording: int = 0) -> str:
        """The event in words: `told`, `not`, `still` or `if`."""
        return self._templates[form, language, wording].replace("{who}", who)

    @cached_property
    def _templates(self) -> dict[tuple[str, str, int], str]:
        found: dict[tuple[str, str, int], str] = {}
        for language, (subject, past, base) in self.words.items():
            for form in ("told", "not", "still", "if"):
                named = subject if form == "if" else subject[0].upper() + subject[1:]
                for wording, template in enumerate(phrases("events", language)[form]):
                    found[form, language, wording] = template.format(subject=named, past=past, base=base)
        return found


@dataclass(frozen=True)
class Activity:
    """An activity, with its events in the order in which they happen."""

    name: str
    doing: dict[str, str]
    events: tuple[Event, ...]

    @cached_property
    def place(self) -> dict[str, int]:
        """When each event happens."""
        return {event.name: place for place, event in enumerate(self.events)}

    @cached_property
    def causes(self) -> tuple[tuple[int, ...], ...]:
        """The places of each event's direct causes."""
        return tuple(tuple(self.place[name] for name in event.causes) for event in self.events)

    @cached_property
    def before(self) -> tuple[frozenset[int], ...]:
        """All causes of each event, direct or not."""
        found: list[frozenset[int]] = []
        for causes in self.causes:
            found.append(frozenset(causes).union(*(found[cause] for cause in causes)))
        return tuple(found)

    @cached_property
    def graph(self) -> str:
        """The causal graph, in the notation of `aetia.scm`."""
        edges = [f"{cause} -> {event.name}" for event in self.events for cause in event.causes]
        joined = {name for event in self.events for name in event.causes if event.causes} | {
            event.name for event in self.events if event.causes
        }
        alone = [event.name for event in self.events if event.name not in joined]
        return "; ".join(edges + alone)

    def chain(self, first: int, last: int) -> tuple[int, ...]:
        """A way from a cause to its effect, over direct causes."""
        way = [last]
        while way[-1] != first:
            way.append(next(one for one in self.causes[way[-1]] if one == first or first in self.before[one]))
        return tuple(reversed(way))


@cache
def activities() -> tuple[Activity, ...]:
    """Every activity, by name."""
    folder = files("aetia.evals.tasks").joinpath("activities")
    names = sorted(path.name for path in folder.iterdir() if path.name.endswith(".json"))
    return tuple(_activity(name) for name in names)


def _activity(file: str) -> Activity:
    told = json.loads(files("aetia.evals.tasks").joinpath("activities", file).read_text("utf-8"))
    found: list[Event] = []
    for name, causes, english, chinese in told["events"]:
        words = {"en": _words(english), "zh": _words(chinese)}
        found.append(Event(_name(name), tuple(_name(cause) for cause in causes), words))
    return Activity(file.removesuffix(".json"), dict(told["doing"]), tuple(found))


def _name(text: str) -> str:
    return text.replace(" ", "_")


def _words(text: str) -> tuple[str, str, str]:
    subject, past, base = text.split("|")
    return subject, past, base


def hero(style: Style, random: Random) -> str:
    """What the one is called who does the activity."""
    if style.language == "en" or style.names == "random":
        return people(style.names, 1, random)[0]
    words = phrases("events", "zh")
    if style.names == "real":
        return random.choice(words["names"])
    return "".join(random.sample(words["syllables"], 2))

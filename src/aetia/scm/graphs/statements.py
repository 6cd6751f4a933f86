"""How is a graph's text, in any of its dialects, cut into statements, and where does it stop making sense?

Text, DOT and dagitty differ in their marks and in what stands around them; a statement is the same in all three:

    group (mark group)* [attributes]      group: a name, or names in braces
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from aetia.errors import GraphError
from aetia.text import clean_text

__all__ = ["Dialect", "Reader", "Statement"]

_DEEPEST = 30
_SHOWN = 120


@dataclass(frozen=True)
class Dialect:
    """What sets one way of writing graphs apart.

    Args:
        code: The code of its errors.
        kind: What the text is called in errors.
        name: A name without quotes.
        mark: What joins two variables.
        comment: What is skipped, spaces included.
        separator: What stands between statements.
        example: A line that is right, for the mend.
        is_dot: Whether it is a kind of DOT: statements may follow each other without a separator, groups may be called
            `subgraph NAME`, and settings like `rankdir=LR` stand among the statements.
        setting: What announces attributes that are of no variable, like `edge` in `edge [dir=none]`.
    """

    code: str
    kind: str
    name: re.Pattern[str]
    mark: re.Pattern[str]
    comment: re.Pattern[str]
    separator: re.Pattern[str]
    example: str
    is_dot: bool = False
    setting: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Statement:
    """One statement: names, the marks between them, attributes.

    Args:
        groups: The variables, group by group along the chain.
        marks: What stands between neighbouring groups, as written.
        attributes: What stands in brackets behind it; a key without a value has the value `true`.
        place: Where it starts in the text.
        depth: How many groups it stands inside.
        setting: The word that its attributes are a setting of; empty if they are the variables'.
    """

    groups: tuple[tuple[str, ...], ...]
    marks: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    place: int = 0
    depth: int = 0
    setting: str = ""

    def joints(self) -> Iterator[tuple[str, str, str]]:
        """Every edge that the chain stands for, as variable, mark and variable."""
        for mark, before, behind in zip(self.marks, self.groups, self.groups[1:], strict=False):
            for first in before:
                for second in behind:
                    yield first, mark, second


class Reader:
    """A place in a text, moving forward."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text = text
        self.dialect = dialect
        self.place = 0
        self._skip()

    def fail(self, expected: str, place: int | None = None) -> NoReturn:
        """Raises the dialect's error, with the line and a caret under the place.

        Raises:
            GraphError: Always, with the dialect's code.
        """
        at = self.place if place is None else place
        start = max(self.text.rfind("\n", 0, at) + 1, at - _SHOWN // 2)
        line = self.text[start : start + _SHOWN].split("\n", 1)[0]
        # Each character is cleaned by itself, so that the caret stays under its own.
        shown = "".join(clean_text(sign) or " " for sign in line)
        number = self.text.count("\n", 0, at) + 1
        found = f"The {self.dialect.kind} cannot be read: {expected} is expected at line {number}."
        details = (shown, " " * (at - start) + "^")
        raise GraphError(self.dialect.code, found, mend=f"write it like {self.dialect.example}", details=details)

    def take(self, pattern: re.Pattern[str] | str) -> str | None:
        """What the pattern matches here, once it and the spaces behind it are passed; None if it does not match."""
        if isinstance(pattern, str):
            found = pattern if self.text.startswith(pattern, self.place) else None
        else:
            match = pattern.match(self.text, self.place)
            found = match[0] if match else None
        if found:
            self.place += len(found)
            self._skip()
        return found or None

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return self.place >= len(self.text)

    def name(self) -> str | None:
        """A name, in quotes or not; None if there is none here."""
        quoted = self.take(_QUOTED)
        return re.sub(r'\\(["\\])', r"\1", quoted[1:-1]) if quoted else self.take(self.dialect.name)

    def statements(self, end: str = "", depth: int = 0) -> Iterator[Statement]:
        """All statements up to `end`, or up to the end of the text; those inside a group come before its own."""
        is_open = True
        while True:
            while self.take(self.dialect.separator):
                is_open = True
            if end and self.take(end):
                return
            if self.is_at_end:
                if end:
                    self.fail(f"{end!r}")
                return
            if not is_open:
                self.fail("a mark like '->', or a separator")
            yield from self._statement(depth)
            is_open = self.dialect.is_dot

    def _statement(self, depth: int) -> Iterator[Statement]:
        place, groups, marks = self.place, list[tuple[str, ...]](), list[str]()
        setting = self.take(self.dialect.setting) if self.dialect.setting else None
        if setting:
            yield Statement((), (), self.attributes(), place, depth, setting)
            return
        while True:
            group = list[str]()
            yield from self._group(group, depth)
            groups.append(tuple(dict.fromkeys(group)))
            mark = self.take(self.dialect.mark)
            if mark is None:
                break
            marks.append(mark)
        if self.dialect.is_dot and not marks and self.take("="):
            if self.name() is None and self.take(_VALUE) is None:
                self.fail("a value")
            return
        yield Statement(tuple(groups), tuple(marks), self.attributes(), place, depth)

    def _group(self, names: list[str], depth: int) -> Iterator[Statement]:
        """Fills `names`, and yields the statements that stand inside the braces."""
        if self.dialect.is_dot:
            self.take(_SUBGRAPH)
        if not self.take("{"):
            name = self.name()
            if name is None:
                self.fail("a variable's name")
            names.append(name)
            return
        if depth >= _DEEPEST:
            self.fail(f"a group inside at most {_DEEPEST} others")
        for statement in self._inside(depth):
            names.extend(name for group in statement.groups for name in group)
            yield statement

    def _inside(self, depth: int) -> Iterator[Statement]:
        while not self.take("}"):
            if self.is_at_end:
                self.fail("'}'")
            if not self.take(self.dialect.separator):
                yield from self._statement(depth + 1)

    def attributes(self) -> dict[str, str]:
        """What stands in brackets here, as keys and values."""
        found = dict[str, str]()
        while self.take("["):
            while not self.take("]"):
                key = self.name()
                if key is None:
                    self.fail("an attribute, or ']'")
                value = "true"
                if self.take("="):
                    named = self.name()
                    value = (self.take(_VALUE) or "") if named is None else named
                found[key.lower()] = value
                while self.take(_LIST_SEPARATOR):
                    pass
        return found

    def _skip(self) -> None:
        match = self.dialect.comment.match(self.text, self.place)
        if match:
            self.place = match.end()


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SUBGRAPH = re.compile(r'subgraph\b(?:\s*(?:\w+|"[^"]*"))?(?=\s*\{)', re.IGNORECASE)
_VALUE = re.compile(r"[^\s,;\]\"]+")
_LIST_SEPARATOR = re.compile("[,;]")

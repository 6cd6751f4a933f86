"""Which answers of Big-Bench Hard can be worked out from their text?"""

import ast
import itertools
import operator
import re
from collections.abc import Callable, Mapping

from aetia.evals.item import Item
from aetia.evals.tasks._graph_words import unreadable

__all__ = ["arithmetic", "free_hours", "liar", "order_of_three"]

_OPERATIONS: Mapping[type, Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def arithmetic(item: Item) -> str:
    """The value of sums, differences and products of whole numbers."""
    return str(_value(ast.parse(item.question.removesuffix("=").strip(), mode="eval").body, item))


def _value(node: ast.expr, item: Item) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, item)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        return _OPERATIONS[type(node.op)](_value(node.left, item), _value(node.right, item))
    raise unreadable(item.question)


def liar(item: Item) -> str:
    """Whether the last of a chain tells the truth, where each says of the one before that it does or does not."""
    honest: dict[str, bool] = {}
    for sentence in re.split(r"\.\s*", item.context):
        plain = re.fullmatch(r"(?:Question: )?(\w+) (tells the truth|lies)", sentence)
        says = re.fullmatch(r"(\w+) says (\w+) (tells the truth|lies)", sentence)
        if plain:
            honest[plain[1]] = plain[2] != "lies"
        elif says and says[2] in honest:
            honest[says[1]] = honest[says[2]] == (says[3] != "lies")
        elif sentence:
            raise unreadable(sentence)
    asked = re.fullmatch(r"Does (\w+) tell the truth\?", item.question)
    if asked is None or asked[1] not in honest:
        raise unreadable(item.question)
    return "yes" if honest[asked[1]] else "no"


def free_hours(item: Item) -> str:
    """The one option in which nobody saw the person elsewhere, between waking up and closing time."""
    text = item.context
    start = re.search(r"woke up at (\w+)", text)
    end = re.search(r"was closed after (\w+)", text)
    if start is None or end is None:
        raise unreadable(text)
    busy = [(_hour(one), _hour(other)) for one, other in re.findall(r" from (\w+) to (\w+)\.", text)]
    free = list[str]()
    for number, option in enumerate(item.options, 1):
        first, _, last = option.partition(" to ")
        begins, ends = _hour(first), _hour(last)
        is_open = _hour(start[1]) <= begins < ends <= _hour(end[1])
        if is_open and all(ends <= one or begins >= other for one, other in busy):
            free.append(str(number))
    if len(free) != 1:
        raise unreadable(item.question, f"{len(free)} options are free")
    return free[0]


def _hour(text: str) -> int:
    found = re.fullmatch(r"(\d+)(am|pm)", text.strip())
    if found is None:
        raise unreadable(text)
    return int(found[1]) % 12 + (12 if found[2] == "pm" else 0)


_BEFORE = re.compile(
    r"(?:is to the left of|is older than|are less expensive than|finished above)(?: the)? (?P<other>.+)"
)
_AFTER = re.compile(
    r"(?:is to the right of|is newer than|are more expensive than|finished below)(?: the)? (?P<other>.+)"
)
# What a place is called, counted from the left, the oldest, the cheapest, the winner.
_PLACES: tuple[tuple[re.Pattern[str], int], ...] = (
    (
        re.compile(
            r"is the second from the (?:left|right)|is the second-(?:newest|oldest)|finished second(?:-to-last)?"
        ),
        1,
    ),
    (re.compile(r"are the second-(?:most expensive|cheapest)"), 1),
    (re.compile(r"is the leftmost|is the oldest|are the cheapest|finished first"), 0),
    (re.compile(r"is the rightmost|is the newest|are the most expensive|finished last"), 2),
)


def order_of_three(item: Item) -> str:
    """The option that holds in every order of three things that agrees with what is said."""
    body = item.context.partition("within each paragraph. ")[2]
    first, _, rest = body.partition(": ")
    listed, _, rest = rest.partition(". ")
    if not first or not rest:
        raise unreadable(item.context)
    things = [re.sub(r"^(?:and )?(?:an? )?", "", part).strip() for part in listed.split(", ")]
    said = [one.strip().rstrip(".") for one in rest.split(". ") if one.strip()]
    orders = [order for order in itertools.permutations(things) if all(_holds(one, order) for one in said)]
    sure = [number for number, option in enumerate(item.options, 1) if all(_holds(option, one) for one in orders)]
    if not orders or len(sure) != 1:
        raise unreadable(item.context, f"{len(sure)} options hold")
    return str(sure[0])


def _holds(sentence: str, order: tuple[str, ...]) -> bool:
    text = re.sub(r"^[Tt]he ", "", sentence)
    thing = next((one for one in sorted(order, key=len, reverse=True) if text.startswith(f"{one} ")), None)
    if thing is None:
        raise unreadable(sentence)
    claim, place = text.removeprefix(thing).strip(), order.index(thing)
    for pattern, wanted in _PLACES:
        if pattern.fullmatch(claim):
            return place == wanted
    before, after = _BEFORE.fullmatch(claim), _AFTER.fullmatch(claim)
    found = before or after
    if found is None or found["other"] not in order:
        raise unreadable(sentence)
    return (place < order.index(found["other"])) == (before is not None)

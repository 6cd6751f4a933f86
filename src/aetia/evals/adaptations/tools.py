"""Does an answerer do better if it may ask the causal engine, or another tool, before it answers?"""

import ast
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from aetia.errors import AetiaError, QueryError
from aetia.evals.adaptations.material import Tool
from aetia.evals.adaptations.plain_json import json_object
from aetia.evals.adaptations.wording import cue, filled, joined, quoted, request, stated
from aetia.evals.dialogue import Conversation
from aetia.evals.item import Item, Language
from aetia.text import clean_text

__all__ = ["TOOLS", "Calculator", "CausalEngine", "WithTools", "tool_call"]

_STEPS = 6
_RESULT = 1_200
_QUERY = 400
_MODEL = 4_000
_VARIABLES = {"graph": 16, "equations": 12, "model": 12}
"""The largest that is looked at: exact answers to the largest take a quarter of a second, to larger ones seconds."""

_NAME = re.compile(r"[^\W\d]\w*")
_WORDS = frozenset("and or not if else in min max True False".split())


@dataclass(frozen=True)
class CausalEngine:
    """The engine of `aetia.scm`: a formula of a graph, or a number of a model of equations or tables.

    Args:
        name: What it is called by.
        example: A call.
    """

    name: str = "scm"
    example: str = '{"tool": "scm", "graph": "Z -> X; Z -> Y; X -> Y", "query": "P(Y | do(X))"}'

    def description(self, language: Language) -> str:
        """What it answers, and from what."""
        return filled(language, "scm_tool")

    def call(self, item: Item, arguments: Mapping[str, object]) -> str:  # noqa: ARG002  other tools look at the item
        """Return the formula or the number, or what is wrong."""
        query = arguments.get("query")
        if not isinstance(query, str) or len(query) > _QUERY:
            return f'error: "query" is to be a text of at most {_QUERY} characters'
        given = [name for name in ("graph", "equations", "model") if name in arguments]
        if len(given) != 1:
            return 'error: give one of "graph", "equations" and "model"'
        told = arguments[given[0]]
        text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
        if len(text) > _MODEL:
            return f"error: at most {_MODEL} characters"
        try:
            return _formula(text, query) if given[0] == "graph" else _number(given[0], text, query)
        except AetiaError as error:
            return f"error: {error.found} {error.mend}"
        except (ArithmeticError, ValueError, RecursionError) as error:
            # A model's call must not end a run, whatever numbers it makes up.
            return f"error: {error}"


def _formula(text: str, query: str) -> str:
    from aetia import scm
    from aetia.scm.identification.evidence import OBSERVATION

    graph = scm.graph_from_text(text)
    if len(graph.nodes) > _VARIABLES["graph"]:
        return f"error: at most {_VARIABLES['graph']} variables"
    try:
        return scm.to_text(scm.identify(graph, query).expression)
    except QueryError:
        return scm.to_text(scm.identify_counterfactual(graph, query, available=OBSERVATION).expression)


def _number(kind: str, text: str, query: str) -> str:
    from aetia import scm
    from aetia.scm.models.modelfile import model_from_json

    # Equations are counted before they are made into tables, which is what takes long.
    if kind == "equations" and len(set(_NAME.findall(text)) - _WORDS) > _VARIABLES[kind]:
        return f"error: at most {_VARIABLES[kind]} variables"
    model = scm.model_from_equations(text) if kind == "equations" else model_from_json(text)
    if len(model.graph.nodes) > _VARIABLES[kind]:
        return f"error: at most {_VARIABLES[kind]} variables"
    value = scm.answer(model, query).value
    return f"{float(value):.6f} ({value})" if isinstance(value, Fraction) else f"{value:.6f}"


_OPERATIONS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


@dataclass(frozen=True)
class Calculator:
    """Arithmetic with floating-point numbers: nothing of the expression is run.

    Args:
        name: What it is called by.
        example: A call.
    """

    name: str = "calculate"
    example: str = '{"tool": "calculate", "expression": "0.4 * 0.3 + 0.6 * 0.7"}'

    def description(self, language: Language) -> str:
        """What it computes."""
        return filled(language, "calculate_tool")

    def call(self, item: Item, arguments: Mapping[str, object]) -> str:  # noqa: ARG002  other tools look at the item
        """Return the value, or what is wrong."""
        expression = arguments.get("expression")
        if not isinstance(expression, str) or len(expression) > _QUERY:
            return f'error: "expression" is to be a text of at most {_QUERY} characters'
        try:
            return f"{_value(ast.parse(expression.strip(), mode='eval').body):.10g}"
        except (ArithmeticError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
            return f"error: {type(error).__name__}: {error}"


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return -_value(node.operand) if isinstance(node.op, ast.USub) else _value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        # Of a negative base and a broken exponent Python makes a complex number, which has no place here.
        found = _OPERATIONS[type(node.op)](_value(node.left), _value(node.right))
        if isinstance(found, float):
            return found
    raise ValueError("only numbers, + - * / ** and brackets")


TOOLS: tuple[Tool, ...] = (CausalEngine(), Calculator())


@dataclass(frozen=True)
class WithTools:
    """The answerer may call tools, each by a line of JSON, and answers once it calls none.

    The protocol is plain text, so that every answerer can take part. A call that is wrong gets an answer that says so,
    and counts. After the last call the answer is demanded.

    Args:
        tools: What may be called. An agent's tools go here.
        tokens: The most tokens of a reply.
        steps: The most calls.
        name: The adaptation's name.
    """

    tools: Sequence[Tool] = TOOLS
    tokens: int = 512
    steps: int = _STEPS
    name: str = "tools"

    def converse(self, item: Item) -> Conversation:
        """Offer the tools, answer calls, and return the first reply that calls none."""
        turns = [self._offer(item)]
        for _ in range(self.steps):
            reply = yield request(item, *turns, tokens=self.tokens)
            called = tool_call(reply.text)
            if called is None:
                return reply.text
            name, result = self._called(item, called)
            answer = filled(item.language, "tools_result", name=name, result=result)
            turns += [quoted(item, reply.text), answer]
        turns[-1] = joined(turns[-1], filled(item.language, "tools_over"), cue(item))
        reply = yield request(item, *turns)
        return reply.text

    def _offer(self, item: Item) -> str:
        offers = [
            filled(
                item.language,
                "tools_tool",
                name=tool.name,
                description=tool.description(item.language),
                example=tool.example,
            )
            for tool in self.tools
        ]
        return joined(filled(item.language, "tools_offer", steps=self.steps), *offers, stated(item), cue(item))

    def _called(self, item: Item, call: Mapping[str, object]) -> tuple[str, str]:
        wanted = call["tool"]
        for tool in self.tools:
            if tool.name == wanted:
                arguments = {name: value for name, value in call.items() if name != "tool"}
                return tool.name, clean_text(tool.call(item, arguments), _RESULT)
        known = ", ".join(tool.name for tool in self.tools)
        return clean_text(str(wanted), 40), f"error: no such tool; there are {known}"


def tool_call(text: str) -> Mapping[str, object] | None:
    """The first call in a reply: the whole of it, or a line of it, that is a JSON object with the key `tool`."""
    for part in (text, *(line for line in text[:20_000].splitlines() if line.lstrip().startswith("{"))):
        found = json_object(part)
        if found is not None and "tool" in found:
            return found
    return None

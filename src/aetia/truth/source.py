"""How does a program read as Python?

The text is complete: it runs without this package and gives the logits that the program gives.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import product

from aetia.truth.program import TOKEN, Head, Lookup, Program, Reading, Variable

__all__ = ["to_python"]

_CHOICES = {
    "nearest": '''
def nearest(queries, keys, values, matches):
    """At each position, the value at the last position up to it that matches; the value at position 0 if none does."""
    found = [[j for j in range(1, i + 1) if keys[j] in matches.get(queries[i], ())] for i in range(len(queries))]
    return [values[places[-1] if places else 0] for places in found]
''',
    "first": '''
def first(queries, keys, values, matches):
    """At each position, the value at the first position that matches; the value at position 0 if none does."""
    found = [[j for j in range(1, i + 1) if keys[j] in matches.get(queries[i], ())] for i in range(len(queries))]
    return [values[places[0] if places else 0] for places in found]
''',
    "count": '''
def count(queries, keys, matches):
    """At each position, how many positions up to it match."""
    return [sum(keys[j] in matches.get(queries[i], ()) for j in range(1, i + 1)) for i in range(len(queries))]
''',
}


def to_python(program: Program) -> str:
    """The program as the source of a function `program(tokens) -> logits`.

    The function takes the texts of the tokens, BOS first, and returns for each position the logits of all tokens for
    which something is read, by their text; the others are 0.
    """
    variables = program.variables
    heads = [head for layer in program.layers for head in layer.heads if head is not None]
    tables: list[str] = []
    steps: list[str] = []
    for number, layer in enumerate(program.layers):
        for slot, head in enumerate(layer.heads):
            if head is not None:
                tables.append(f"{_constant(head.name)} = {_matches(head, variables)}")
                steps += [f"# L{number}.h{slot}", _call(head)]
        for lookup in layer.lookups:
            usual, table = _entries(lookup, variables)
            tables.append(f"{_constant(lookup.name)} = {table}")
            steps += [f"# L{number}.mlp", _read_table(lookup, usual)]
    tables += [f"{_constant(one.variable)}_LOGITS = {_logits(one, program)}" for one in program.readout]
    sums = " + ".join(
        f"{_constant(one.variable)}_LOGITS.get({one.variable}[i], {{}}).get(word, 0)" for one in program.readout
    )
    choices = [_CHOICES[name] for name in _CHOICES if any(head.choose == name for head in heads)]
    body = [
        "token, position = list(tokens), list(range(len(tokens)))",
        *steps,
        f"return [{{word: {sums or '0'} for word in VOCABULARY}} for i in position]",
    ]
    main = "def program(tokens):\n" + "\n".join(f"    {line}" for line in body)
    parts = [f"VOCABULARY = {list(program.vocabulary)!r}", *tables, *choices, main]
    return "\n".join(parts) + "\n"


def _constant(name: str) -> str:
    return name.upper()


def _value(variable: Variable, number: int) -> str | int:
    has_names = len(set(variable.labels)) == variable.size
    return variable.labels[number] if has_names else number


def _show(values: Mapping[object, object]) -> str:
    if not values:
        return "{}"
    return "{\n" + "".join(f"    {key!r}: {value!r},\n" for key, value in values.items()) + "}"


def _matches(head: Head, variables: Mapping[str, Variable]) -> str:
    asked, offered = variables[head.query], variables[head.key]
    rows = {
        _value(asked, query): [_value(offered, key) for key, allowed in enumerate(row) if allowed]
        for query, row in enumerate(head.matches)
    }
    return _show({query: keys for query, keys in rows.items() if keys})


def _call(head: Head) -> str:
    constant = _constant(head.name)
    if head.choose == "count":
        return f"{head.name} = count({head.query}, {head.key}, {constant})"
    return f"{head.name} = {head.choose}({head.query}, {head.key}, {head.value}, {constant})"


def _entries(lookup: Lookup, variables: Mapping[str, Variable]) -> tuple[str | int, str]:
    """The output that most inputs have, and the table of all others."""
    output = variables[lookup.name]
    inputs = [variables[name] for name in lookup.inputs]
    usual = Counter(lookup.table).most_common(1)[0][0]
    rows: dict[object, object] = {}
    for values, result in zip(product(*(range(one.size) for one in inputs)), lookup.table, strict=True):
        if result != usual:
            named = tuple(_value(one, value) for one, value in zip(inputs, values, strict=True))
            rows[named if len(named) > 1 else next(iter(named))] = _value(output, result)
    return _value(output, usual), _show(rows)


def _read_table(lookup: Lookup, usual: str | int) -> str:
    inputs = ", ".join(lookup.inputs)
    joint = f"zip({inputs})" if len(lookup.inputs) > 1 else inputs
    return f"{lookup.name} = [{_constant(lookup.name)}.get(values, {usual!r}) for values in {joint}]"


def _logits(reading: Reading, program: Program) -> str:
    variable, words = program.variables[reading.variable], program.variables[TOKEN].labels
    rows = {
        _value(variable, value): {word: weight for word, weight in zip(words, weights, strict=True) if weight}
        for value, weights in enumerate(reading.weights)
    }
    return _show({value: row for value, row in rows.items() if row})

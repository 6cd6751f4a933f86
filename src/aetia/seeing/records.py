"""How is it written down how weights came about, so that people can read it and a change shows where it is?"""

import json
from collections.abc import Mapping

__all__ = ["in_lines"]


def in_lines(record: Mapping[str, object]) -> str:
    """JSON with one line for each entry of the record, and for each entry of an entry."""
    lines = []
    for name, value in record.items():
        if isinstance(value, dict):
            inner = ",\n".join(f"    {json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items())
            lines.append(f"  {json.dumps(name)}: {{\n{inner}\n  }}")
        elif isinstance(value, list):
            inner = ",\n".join(f"    {json.dumps(entry)}" for entry in value)
            lines.append(f"  {json.dumps(name)}: [\n{inner}\n  ]")
        else:
            lines.append(f"  {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"

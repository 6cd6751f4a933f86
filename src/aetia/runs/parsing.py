"""How is a study read from a file, or from plain data?"""

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from aetia.errors import StudyError
from aetia.runs.instrument import instrument_named
from aetia.runs.keys import JSON
from aetia.runs.study import Study
from aetia.text import clean_text

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["load_study", "parse_study", "study_schema"]

_PARSERS: dict[str, Callable[[str], object]] = {
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".json": json.loads,
}
_PROBLEMS_SHOWN = 5


def load_study(path: str | Path) -> Study:
    """Return the study that a TOML, YAML or JSON file describes; relative paths in it start at its own folder.

    Raises:
        StudyError: AE-1102 the file cannot be read or has another ending; AE-1103 it is not well formed (with the
            line); AE-1101 its instrument is unknown; AE-1104 a field is missing, unknown or has a wrong value.
    """
    path = Path(path)
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        mend = f"name the file with one of {', '.join(_PARSERS)}"
        raise StudyError("AE-1102", f"{path} does not say by its ending how it is written.", mend=mend)
    try:
        record = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        found = f"The study file {path} cannot be read: {error.strerror}."
        raise StudyError("AE-1102", found, mend="check the path") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:  # JSON, TOML and UTF-8 errors are ValueErrors
        details = (clean_text(str(error)),)
        raise StudyError("AE-1103", f"{path} is not well formed.", details=details, mend="mend that line") from error
    return parse_study(record, source=str(path)).read_from(path.parent)


def parse_study(record: object, source: str = "the study") -> Study:
    """Return the study that plain data describes; `source` names the data in errors.

    Raises:
        StudyError: AE-1101 unknown instrument; AE-1104 a field is missing, unknown or has a wrong value.
    """
    if not isinstance(record, Mapping) or not isinstance(record.get("instrument"), str):
        found = f"{source} does not name its instrument."
        raise StudyError("AE-1104", found, mend='add a line such as `instrument = "trace"`; see `aetia methods`')
    kind = instrument_named(record["instrument"]).study_type
    try:
        return kind.model_validate(dict(record))
    except ValidationError as error:
        problems = [_told(problem) for problem in error.errors(include_url=False)]
        shown = tuple(clean_text(problem, limit=200) for problem in problems[:_PROBLEMS_SHOWN])
        found = f"{source} has {len(problems)} field{'s' if len(problems) > 1 else ''} that cannot be used."
        mend = f"mend {'them' if len(problems) > 1 else 'it'}; the fields are: {', '.join(kind.model_fields)}"
        raise StudyError("AE-1104", found, details=shown, mend=mend) from error


def _told(problem: "ErrorDetails") -> str:
    """A field and what is wrong with it; of fields that do not go together there is nothing to show."""
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    if problem["type"] == "extra_forbidden":
        message = "there is no such field"
    return f"{'.'.join(map(str, problem['loc']))}: {message}; found {problem['input']!r}"


def study_schema(name: str) -> dict[str, JSON]:
    """Return the JSON Schema of the studies that the instrument called `name` answers; StudyError AE-1101 if none."""
    return instrument_named(name).study_type.model_json_schema()

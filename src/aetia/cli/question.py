"""How do a study file and the options of a command become one study?

Options win over the file. What comes from the shell is text; the study's own fields say what it means.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import cast

from aetia.errors import StudyError
from aetia.runs import JSON, Study, instrument_named, load_study, parse_study
from aetia.studies.asking import completed
from aetia.text import clean_text

__all__ = ["PICTURES", "fields_as_settings", "study_asked"]

# Option -> the field of a pair of prompts.
_PAIR = {"clean": "clean", "corrupt": "corrupted", "answer": "answer", "foil": "foil"}
PICTURES = {
    "--image": (
        "pair.picture",
        "FILE",
        "what is asked about, for a model that sees; repeat it for the frames of a clip",
    ),
    "--edited": ("pair.edited", "FILE", "the picture with the cause changed, one for each; by default a blank one"),
    "--question": ("pair.clean", "TEXT", "what is asked about it; the answers are the model's own unless given"),
    "--region": ("pair.regions", "NAME=BOX", "its part LEFT,TOP,RIGHT,BOTTOM in pixels; NAME@2 is in the second frame"),
    "--scenes": ("contrasts", "edited:CHANGE", "rendered pairs: edited:colour, :shape, :size, :remove, :add, :move"),
}
"""What every verb that asks a study takes about pictures: the setting that it is, its value, and what it means."""

_LISTED = ("--image", "--edited", "--region")
_REGION = re.compile(r"\s*([^=@]*[^=@\s](?:@\d+)?)\s*=\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*")
_NEEDED = ("clean", "corrupt", "answer")
_NOT_OPTIONS = frozenset({"instrument", "pair"})


def study_asked(
    instrument: str, path: str | None, options: Mapping[str, str | int | None], settings: Sequence[str]
) -> Study:
    """Return the study that a file, options and settings ask for together.

    Args:
        instrument: The method that the verb stands for.
        path: A study file, or None.
        options: Values of named options; None where one was not given.
        settings: `FIELD=VALUE`, each; dots go into a field, and commas separate the values of a list.

    Raises:
        StudyError: AE-1002 nothing is asked, or a pair of prompts is incomplete; AE-1003 a setting names no field;
            AE-1005 the file is a study for another method; and those of `load_study` and `parse_study`.
    """
    record: dict[str, JSON] = {"instrument": instrument} if path is None else _of_file(path, instrument)
    given = {name: value for name, value in options.items() if value is not None}
    pair = {_PAIR[name]: str(value) for name, value in given.items() if name in _PAIR}
    if pair and "contrasts" in given:
        found = "Both contrasts and a question of one's own (--clean, --corrupt) are given."
        raise StudyError("AE-1002", found, mend="ask one question at a time: leave one of the two out")
    for name, value in given.items():
        if name not in _PAIR:
            _set(record, instrument, name, str(value))
    if pair:
        record.pop("contrasts", None)
        former = record.get("pair")
        record["pair"] = {**(former if isinstance(former, Mapping) else {}), **pair}
    elif "contrasts" in given:
        record.pop("pair", None)
    if "clean" in given and any(setting.startswith("pair.clean=") for setting in settings):
        found = "Both --clean and --question are given, and about a picture the question is the clean prompt."
        raise StudyError("AE-1002", found, mend="leave one of the two out")
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            found = f"--set {setting!r} does not say what the field is set to."
            raise StudyError("AE-1003", found, mend="write it like --set window=10")
        _set(record, instrument, name.strip(), value)
    # What the shell asks takes the place of what the file asks.
    asked = {setting.partition("=")[0].partition(".")[0].strip() for setting in settings}
    if "contrasts" in given and "contrasts" in asked:
        raise StudyError("AE-1002", "Both --contrasts and --scenes are given.", mend="leave one of the two out")
    if path is not None and "pair" in asked and "contrasts" not in asked | given.keys():
        record.pop("contrasts", None)
    if path is not None and "contrasts" in asked and "pair" not in asked and not pair:
        record.pop("pair", None)
    _check_asked(record)
    return parse_study(completed(record), source="the command line" if path is None else f"{path} with the options")


def _scenes(asked: str) -> str:
    """The set of contrasts that `edited:colour`, or `colour`, names."""
    from aetia.contrasts.generators.scenes import CHANGES

    change = asked.removeprefix("edited:")
    if change not in CHANGES:
        known = ", ".join(f"edited:{name}" for name in CHANGES)
        raise StudyError("AE-1002", f"There are no scenes {asked!r}.", mend=f"use one of {known}")
    return f"scenes:{change}"


def _of_file(path: str, instrument: str) -> dict[str, JSON]:
    study = load_study(path)
    if study.instrument != instrument:
        found = f"{path} is a study for the method {study.instrument!r}, not for {instrument!r}."
        raise StudyError("AE-1005", found, mend=f"`aetia {study.instrument} {path}`, or mend its field `instrument`")
    return study.record()


def _check_asked(record: Mapping[str, JSON]) -> None:
    pair = record.get("pair")
    if pair is not None and record.get("contrasts") is not None:
        found = "Both contrasts and a question of one's own (--clean, --corrupt, --image, --question) are given."
        raise StudyError("AE-1002", found, mend="ask one question at a time: leave one of the two out")
    if pair is None and record.get("contrasts") is None:
        mend = "give --contrasts NAME (see `aetia contrasts`), or --clean, --corrupt, --answer and --foil"
        raise StudyError("AE-1002", "Nothing is asked: there are neither contrasts nor prompts.", mend=mend)
    if isinstance(pair, Mapping):
        if pair.get("edited") and not pair.get("picture"):
            raise StudyError("AE-1002", "There is an edited picture, and none that it was.", mend="give --image FILE")
        if pair.get("regions") and not pair.get("picture"):
            raise StudyError("AE-1002", "There is a part of a picture, and no picture.", mend="give --image FILE")
        if pair.get("picture"):
            if not pair.get("clean"):
                mend = 'give --question, for example --question "What colour is the circle?"'
                raise StudyError("AE-1002", "Nothing is asked about the picture.", mend=mend)
            return
        missing = [f"--{option}" for option in _NEEDED if not pair.get(_PAIR[option])]
        if missing:
            found = f"A pair of prompts needs --clean, --corrupt and --answer; missing: {', '.join(missing)}."
            example = '--clean "France: capital" --corrupt "Italy: capital" --answer " Paris" --foil " Rome"'
            raise StudyError("AE-1002", found, mend=f"give it, for example {example}")


def _set(record: dict[str, JSON], instrument: str, name: str, value: str) -> None:
    """Put a value from the shell into the record; the study's class will read numbers and truths from text."""
    first, *rest = name.split(".")
    first = first.replace("-", "_")
    kind = instrument_named(instrument).study_type
    if first not in kind.model_fields:
        near = difflib.get_close_matches(first, kind.model_fields, n=3)
        details = (f"nearest: {', '.join(near)}",) if near else ()
        mend = f"the fields are: {', '.join(kind.model_fields)}"
        raise StudyError("AE-1003", f"A study has no field {first!r}.", details=details, mend=mend)
    record.update(_put(record, [first, *rest], _read(kind, [first, *rest], value)))


def _put(record: Mapping[str, JSON], path: Sequence[str], value: JSON) -> dict[str, JSON]:
    """Return the record with the value at the path; what is on the way is made if need be."""
    first, *rest = path
    if not rest:
        return {**record, first: value}
    inner = record.get(first)
    return {**record, first: _put(inner if isinstance(inner, Mapping) else {}, rest, value)}


def _read(kind: type[Study], path: Sequence[str], value: str) -> JSON:
    """A value as its field has it: what is no text is read as JSON if it looks so, and lists are split at commas."""
    shapes = _shapes(kind, path)
    if shapes & {"array", "object"} and value.startswith(("[", "{")):
        with suppress(ValueError):
            return cast("JSON", json.loads(value))
    if len(path) > 1 and "string" in shapes:
        return value
    if "null" in shapes and value.strip().lower() in ("none", "null", ""):
        return None
    return [part.strip() for part in value.split(",") if part.strip()] if "array" in shapes else value


def _shapes(kind: type[Study], path: Sequence[str]) -> set[str]:
    """The types of JSON that the field at the end of a path may have."""
    schema: Mapping[str, JSON] = kind.model_json_schema()
    found = [schema]
    for name in path:
        found = [one for shape in found for one in _within(shape, name, schema)]
    return {str(one.get("type")) for one in found}


def _within(shape: Mapping[str, JSON], name: str, schema: Mapping[str, JSON]) -> Iterator[Mapping[str, JSON]]:
    """What an object of a JSON schema may have under a name."""
    fields, known = shape.get("properties"), schema.get("$defs")
    inner = fields.get(name) if isinstance(fields, Mapping) else shape.get("additionalProperties")
    if not isinstance(inner, Mapping):
        return
    others = inner.get("anyOf", ())
    for one in (inner, *(others if isinstance(others, Sequence) else ())):
        if isinstance(one, Mapping):
            named = str(one.get("$ref", "")).rpartition("/")[2]
            found = known.get(named) if isinstance(known, Mapping) and named else one
            yield found if isinstance(found, Mapping) else one


def fields_as_settings(arguments: Sequence[str], instrument: str, takes_value: Mapping[str, bool]) -> list[str]:
    """Return the arguments with `--set FIELD=VALUE` for every `--FIELD VALUE` of the study that is no option itself.

    Args:
        arguments: As they come from the shell.
        instrument: The method that the verb stands for.
        takes_value: The options that there are, and whether each is followed by a value.

    Raises:
        StudyError: AE-1002 there are no such scenes, or a region is given twice; AE-2106 a region is no box.
    """
    rest = list(arguments)
    done: list[str] = []
    pictured: list[tuple[str, str]] = []
    kind = instrument_named(instrument).study_type
    while rest and rest[0] != "--":
        argument = rest.pop(0)
        option, equals, value = argument.partition("=")
        field = option.removeprefix("--").replace("-", "_")
        is_field = option.startswith("--") and field in kind.model_fields and field not in _NOT_OPTIONS
        if not argument.startswith("-") or option in takes_value:
            done.append(argument)
            if takes_value.get(option) and not equals and rest:
                done.append(rest.pop(0))
        elif option in PICTURES:
            pictured.append((option, value if equals or not rest else rest.pop(0)))
        elif is_field:
            if not equals and "boolean" in _shapes(kind, [field]):
                value = "true"
            elif not equals and rest:
                value = rest.pop(0)
            done += ["--set", f"{field}={value}"]
        else:
            done.append(argument)
    return done + _settings_of(pictured) + rest


def _settings_of(pictured: Sequence[tuple[str, str]]) -> list[str]:
    """The settings that options about pictures stand for; those that may be repeated become one."""
    found = {PICTURES[option][0]: _scenes(value) if option == "--scenes" else value for option, value in pictured}
    for option in _LISTED:
        if values := [value for given, value in pictured if given == option]:
            found[PICTURES[option][0]] = json.dumps(_regions(values) if option == "--region" else values)
    return [part for name, value in found.items() for part in ("--set", f"{name}={value}")]


def _regions(given: Sequence[str]) -> dict[str, list[int]]:
    """The boxes by name that `object=10,20,60,80` and its like give."""
    found: dict[str, list[int]] = {}
    for text in given:
        match = _REGION.fullmatch(text)
        if match is None:
            mend = "write it like --region object=10,20,60,80: left, top, right and bottom in pixels"
            raise StudyError("AE-2106", f"--region {clean_text(text, 60)!r} names no part of a picture.", mend=mend)
        name, *sides = match.groups()
        if name in found:
            mend = "give each its own name; object@2 is the same thing in the second picture"
            raise StudyError("AE-1002", f"The region {clean_text(name, 40)!r} is given twice.", mend=mend)
        found[name] = [int(side) for side in sides]
    return found

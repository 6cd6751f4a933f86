"""How do a study file and the options of a command become one study?

Options win over the file. What comes from the shell is text; the study's own fields say what it means.
"""

import difflib
from collections.abc import Mapping, Sequence

from aetia.errors import StudyError
from aetia.runs import JSON, Study, instrument_named, load_study, parse_study
from aetia.studies.asking import completed

__all__ = ["PICTURES", "fields_as_settings", "study_asked"]

# Option -> the field of a pair of prompts.
_PAIR = {"clean": "clean", "corrupt": "corrupted", "answer": "answer", "foil": "foil"}
PICTURES = {
    "--image": ("pair.picture", "FILE", "for a model that sees: the picture that is asked about"),
    "--edited": ("pair.edited", "FILE", "the picture with the cause changed; by default a blank one"),
    "--question": ("pair.clean", "TEXT", "what is asked about it; the answers are the model's own unless given"),
    "--scenes": ("contrasts", "edited:CHANGE", "rendered pairs: edited:colour, :shape, :size, :remove, :add, :move"),
}
"""What every verb that asks a study takes about pictures: the setting that it is, its value, and what it means."""

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
    first, *rest = name.replace("-", "_").split(".")
    kind = instrument_named(instrument).study_type
    if first not in kind.model_fields:
        near = difflib.get_close_matches(first, kind.model_fields, n=3)
        details = (f"nearest: {', '.join(near)}",) if near else ()
        mend = f"the fields are: {', '.join(kind.model_fields)}"
        raise StudyError("AE-1003", f"A study has no field {first!r}.", details=details, mend=mend)
    record.update(_put(record, [first, *rest], value if rest else _read(kind, first, value)))


def _put(record: Mapping[str, JSON], path: Sequence[str], value: JSON) -> dict[str, JSON]:
    """Return the record with the value at the path; what is on the way is made if need be."""
    first, *rest = path
    if not rest:
        return {**record, first: value}
    inner = record.get(first)
    return {**record, first: _put(inner if isinstance(inner, Mapping) else {}, rest, value)}


def _read(kind: type[Study], field: str, value: str) -> JSON:
    shapes = _shapes(kind, field)
    if "null" in shapes and value.strip().lower() in ("none", "null", ""):
        return None
    return [part.strip() for part in value.split(",") if part.strip()] if "array" in shapes else value


def _shapes(kind: type[Study], field: str) -> set[str]:
    schema = kind.model_json_schema()["properties"][field]
    return {str(shape.get("type")) for shape in (schema, *schema.get("anyOf", ()))}


def fields_as_settings(arguments: Sequence[str], instrument: str, takes_value: Mapping[str, bool]) -> list[str]:
    """Return the arguments with `--set FIELD=VALUE` for every `--FIELD VALUE` of the study that is no option itself.

    Args:
        arguments: As they come from the shell.
        instrument: The method that the verb stands for.
        takes_value: The options that there are, and whether each is followed by a value.
    """
    rest = list(arguments)
    done: list[str] = []
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return [*done, argument, *rest]
        option, equals, value = argument.partition("=")
        if not argument.startswith("-") or option in takes_value:
            done.append(argument)
            if takes_value.get(option) and not equals and rest:
                done.append(rest.pop(0))
            continue
        kind = instrument_named(instrument).study_type
        if option in PICTURES:
            value = value if equals or not rest else rest.pop(0)
            name = PICTURES[option][0]
            done += ["--set", f"{name}={_scenes(value) if option == '--scenes' else value}"]
            continue
        field = option.removeprefix("--").replace("-", "_")
        if not option.startswith("--") or field not in kind.model_fields or field in _NOT_OPTIONS:
            done.append(argument)
            continue
        if not equals and "boolean" in _shapes(kind, field):
            value = "true"
        elif not equals and rest:
            value = rest.pop(0)
        done += ["--set", f"{field}={value}"]
    return done

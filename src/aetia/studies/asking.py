"""How does a question asked in Python or in a shell become a run, and where does the run go?"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from aetia.runs import JSON, Run, Study, engine_of, execute, parse_study
from aetia.studies.study import ContrastStudy, digests

__all__ = ["ask", "completed", "default_directory"]

_SHORT_ID = 8


def ask(record: Mapping[str, JSON], *, out: str | Path | None = None, workers: int = 1) -> Run:
    """Carry out the study that `record` describes and return its run.

    Args:
        record: The study's fields, its instrument among them.
        out: The run's directory; by default `default_directory`. One that holds a part of the study is carried on.
        workers: Processes; each loads the model once.

    Raises:
        StudyError: The study cannot be asked as it stands.
        MissingError: The model is not to be found.
    """
    study = parse_study(completed(record), source=f"a study of {record['instrument']}")
    directory = Path(out) if out is not None else default_directory(study)
    return execute(study, directory, engine=engine_of(workers))


def completed(record: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """Return the study's fields, with the model's own answers where it asks about a picture without giving any.

    Raises:
        MissingError: The model is not to be found.
        StudyError: AE-9703 it does not see; AE-93xx a picture cannot be read.
    """
    pair = record.get("pair")
    if not isinstance(pair, Mapping) or not pair.get("picture") or (pair.get("answer") and pair.get("foil")):
        return record
    study = parse_study(
        {**record, "pair": {**pair, "answer": pair.get("answer") or "?", "foil": pair.get("foil") or "!"}},
        source=f"a study of {record['instrument']}",
    )
    assert isinstance(study, ContrastStudy)
    assert study.pair is not None
    from aetia.contrasts.own import own_answers
    from aetia.models.network import load

    given = str(pair.get("answer") or "")
    answer, foil = own_answers(load(study.model, dtype=study.dtype), study.pair.model_dump(), given)
    return {**record, "pair": {**pair, "answer": answer, "foil": pair.get("foil") or foil}}


def default_directory(study: Study) -> Path:
    """Return where a study's run goes if no place is named: the same place for the same study.

    A study whose files, or whose contrasts' pictures, have been edited is another one.
    """
    contrasts = study.record().get("contrasts")
    name = Path(contrasts).stem if isinstance(contrasts, str) else "question"
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "contrasts"
    identity = study.identity()
    held = digests(_files_of(study)) if isinstance(study, ContrastStudy) else []
    if held:
        identity = hashlib.sha256(" ".join([identity, *held]).encode()).hexdigest()
    return Path("runs") / f"{slug}-{identity[:_SHORT_ID]}"


def _files_of(study: ContrastStudy) -> list[str]:
    """The names of all files that a study's values depend on, pictures that its contrasts name among them."""
    from aetia.contrasts.files import pictures_named

    sets = study.sets_of_contrasts
    return [*sets, *study.further_files, *(str(path) for name in sets for path in pictures_named(name))]

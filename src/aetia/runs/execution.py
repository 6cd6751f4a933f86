"""How does a study become effects, in one go or in many?"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from aetia.errors import AetiaError, MissingError, RunError, StudyError
from aetia.runs.engine import Engine, Failure, InProcess
from aetia.runs.events import EventLog, Observer, now
from aetia.runs.instrument import Batch, Instrument, Plan, Settling, instrument_named
from aetia.runs.keys import JSON, canonical
from aetia.runs.lock import LOCK, locked
from aetia.runs.run import Run, open_run
from aetia.runs.store import FailedBatch, Manifest, PlannedBatch, Store, hardware, versions
from aetia.runs.study import Study
from aetia.text import clean_text

__all__ = ["check_engine", "execute", "resume"]

_ELSEWHERE = "name a new directory with `--out`"
_NO_RESULT = "It was computed, but nothing came of it."
_ABSENT = ("AE-1409", "AE-2101", "AE-2102", "AE-9301")  # files of directions, of contrasts and of pictures


def execute(
    study: Study, directory: str | Path, *, engine: Engine | None = None, observe: Observer | None = None
) -> Run:
    """Carry the study out in `directory` and return the run; what is there already of the same study is kept.

    A finished run is returned as it is, if the study's model and files are still those that it was made from, or are no
    longer to be found.

    Values and effects are the same bytes however often the run was stopped and carried on. A batch that raises is
    listed as failed and the rest goes on. An instrument that keeps something of its own lets go of it once the run is
    complete: see `aetia.runs.instrument.Settling`.

    Args:
        study: The question.
        directory: A new or empty directory, or that of the same study.
        engine: Who computes; by default this process.
        observe: Called with every event, once it is on disk.

    Raises:
        RunError: AE-6001 in use; AE-6003 holds something else; AE-6004 of another study; AE-6005 the system has
            changed since; AE-6014 several processes may not share it; AE-6011, AE-6012 the disk. What was computed is
            kept.
        StudyError: AE-1105 there is nothing to compute; and what the instrument finds wrong, if only in a batch.
        KeyboardInterrupt: Ctrl-C, with a line that says how to go on; the status is then "interrupted".
    """
    instrument = instrument_named(study.instrument)
    run = _carried_out(instrument, study, Store(Path(directory)), engine or InProcess(), observe)
    if run.status == "complete" and isinstance(instrument, Settling):
        instrument.settle(study)
    return run


def resume(directory: str | Path, *, engine: Engine | None = None, observe: Observer | None = None) -> Run:
    """Carry the run in `directory` on: compute the batches that have no whole file, and summarise.

    Raises:
        RunError: AE-6003 there is no run; AE-6002 its manifest is damaged; and as `execute`.
    """
    return execute(open_run(directory).study, directory, engine=engine, observe=observe)


def check_engine(plan: Plan, engine: Engine) -> None:
    """Raise RunError AE-6014 if several processes may not share the plan."""
    if plan.alone and not isinstance(engine, InProcess):
        raise RunError("AE-6014", plan.alone, mend="leave `--workers` out")


def _carried_out(
    instrument: Instrument[Study], study: Study, store: Store, engine: Engine, observe: Observer | None
) -> Run:
    with locked(store.directory):
        earlier = _earlier(store, study)
        finished = earlier if earlier is not None and _is_complete(store, earlier) else None
        try:
            plan = instrument.plan(study)
        except AetiaError as error:
            if finished is not None and _says_absent(error):
                return Run(store.directory, finished)
            raise
        if earlier is not None:
            _check_unchanged(store, earlier, plan)
        if finished is not None:
            return Run(store.directory, finished)
        check_engine(plan, engine)
        manifest = _begin(store, study, plan, earlier, engine)
        missing = [batch for batch in plan.batches if store.read_part(batch.key) is None]
        done = plan.cells - sum(batch.cells for batch in missing)
        log = EventLog(store.events_path, observe, done, plan.cells)
        with _told_if_stopped(store, manifest, log):
            log.record("started", message=f"{len(missing)} of {len(plan.batches)} batches to compute")
            failed = _compute(store, study, missing, engine, log)
            _summarise(store, study, manifest, failed)
            status = "failed" if failed else "complete"
            manifest = manifest.model_copy(update={"status": status, "failed": failed, "ended": now()})
            store.write_manifest(manifest)
            log.record("complete", message=f"{len(failed)} batches failed" if failed else "")
    return Run(store.directory, manifest)


def _earlier(store: Store, study: Study) -> Manifest | None:
    """Return the manifest of earlier sessions of this study; None if there were none, or if it is damaged."""
    if not store.manifest_path.exists():
        others = sorted(path.name for path in store.directory.iterdir() if path.name != LOCK)
        if others and not store.values_path.exists():
            found = f"{store.directory} is not empty and holds no run: {clean_text(', '.join(others), limit=80)}."
            raise RunError("AE-6003", found, mend=_ELSEWHERE)
        return None
    try:
        earlier = store.read_manifest()
    except RunError as error:
        if error.code != "AE-6002":
            raise
        return None
    if earlier.identity != study.identity():
        raise _another_study(store, _differences(earlier.study, study.record()))
    return earlier


def _is_complete(store: Store, manifest: Manifest) -> bool:
    is_whole = all(store.read_part(batch.key) is not None for batch in manifest.batches)
    return manifest.status == "complete" and is_whole and store.has_effects()


def _says_absent(error: AetiaError) -> bool:
    """Whether the error is that the model, or a file that the study names, is not there or cannot be read."""
    return isinstance(error, MissingError) or error.code in _ABSENT


def _check_unchanged(store: Store, earlier: Manifest, plan: Plan) -> None:
    if [batch.key for batch in earlier.batches] != [batch.key for batch in plan.batches]:
        found = (
            f"What {store.directory} was planned on has changed: the model's files, the files that the study names, "
        )
        details = _differences(earlier.system, plan.system)
        raise RunError("AE-6005", f"{found}or aetia itself.", details=details, mend=_ELSEWHERE)


def _begin(store: Store, study: Study, plan: Plan, earlier: Manifest | None, engine: Engine) -> Manifest:
    """Write what is known before the work, the items and the manifest, unless the directory is not this study's."""
    keys = [batch.key for batch in plan.batches]
    if not keys:
        raise StudyError("AE-1105", "The study leaves nothing to compute.", details=plan.notes, mend="widen the study")
    if earlier is None and not store.part_keys() <= set(keys):
        raise _another_study(store, ("it has values that are not of this study, and no manifest that can be read",))
    manifest = Manifest(
        status="running",
        study=study.record(),
        identity=study.identity(),
        batches=tuple(PlannedBatch(key=batch.key, cells=batch.cells) for batch in plan.batches),
        system=plan.system,
        forecast=plan.forecast,
        notes=plan.notes,
        seeds={"study": study.seed},
        versions=versions(),
        hardware=hardware(),
        engine=engine.description,
        sessions=earlier.sessions + 1 if earlier else 1,
        started=earlier.started if earlier else now(),
    )
    store.prepare()
    store.write_items(plan.items)
    store.write_manifest(manifest)
    return manifest


def _compute(
    store: Store, study: Study, missing: Sequence[Batch], engine: Engine, log: EventLog
) -> tuple[FailedBatch, ...]:
    """Compute and store the missing batches; return those that failed."""
    failed: list[FailedBatch] = []
    left = {batch.key for batch in missing}
    if not missing:
        return ()
    # Closing ends the engine's processes at once when storing fails or Ctrl-C comes.
    with closing(engine.run(study.instrument, study, missing)) as results:
        for result in results:
            batch, outcome = result.batch, result.outcome
            left.discard(batch.key)
            if isinstance(outcome, Failure):
                failed.append(FailedBatch(key=batch.key, error=outcome.message))
                log.record("failed", batch.key, message=outcome.message, detail=outcome.detail)
            else:
                store.write_part(batch.key, outcome)
                log.record("batch", batch.key, cells=batch.cells)
    failed += [FailedBatch(key=batch.key, error=_NO_RESULT) for batch in missing if batch.key in left]
    return tuple(failed)


def _summarise(store: Store, study: Study, manifest: Manifest, failed: Sequence[FailedBatch]) -> None:
    """Write the effects of the values that are there; their provenance holds nothing that differs between sessions."""
    if len(failed) == len(manifest.batches):
        return
    values = Run(store.directory, manifest).values()
    effects = instrument_named(study.instrument).summarise(study, values)
    provenance = {
        "aetia": manifest.versions.get("aetia", "unknown"),
        "instrument": study.instrument,
        "study": manifest.identity,
        **{name: value if isinstance(value, str) else canonical(value) for name, value in manifest.system.items()},
        **effects.provenance,
    }
    if failed:
        provenance["failed"] = f"{len(failed)} of {len(manifest.batches)} batches have no values"
    replace(effects, provenance=provenance).write(store.effects_path)


@contextmanager
def _told_if_stopped(store: Store, manifest: Manifest, log: EventLog) -> Generator[None]:
    """Let the manifest and the events say what ended the run before its time."""
    try:
        yield
    except BaseException as error:
        is_interrupted = isinstance(error, KeyboardInterrupt)
        reason = "Ctrl-C" if is_interrupted else clean_text(f"{type(error).__name__}: {error}")
        status = "interrupted" if is_interrupted else "failed"
        # The disk may be full: then the status stays "running", which without a live process means the same.
        with suppress(AetiaError):
            store.write_manifest(manifest.model_copy(update={"status": status, "error": reason, "ended": now()}))
            log.record("stopped", message=reason)
        if is_interrupted:
            message = f"Interrupted; nothing is lost. Mend: `aetia runs resume {store.directory}`"
            raise KeyboardInterrupt(message) from None
        raise


def _another_study(store: Store, details: tuple[str, ...]) -> RunError:
    return RunError("AE-6004", f"{store.directory} is the run of another study.", details=details, mend=_ELSEWHERE)


def _differences(there: Mapping[str, JSON], here: Mapping[str, JSON]) -> tuple[str, ...]:
    names = [name for name in sorted({*there, *here}) if there.get(name) != here.get(name)]
    return tuple(clean_text(f"{name}: {there.get(name)!r} there, {here.get(name)!r} here", 160) for name in names[:5])

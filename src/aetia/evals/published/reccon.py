"""RECCON: which words of a conversation caused an emotion in it?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import Row, csv_rows, json_entries
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

_HOME = "https://github.com/declare-lab/RECCON"
_FOLD = "subtask2_fold1_dailydialog_classification_valid_with_context.csv"
_DIGESTS = {
    "dailydialog_train.json": "fa95b143883d210f8974e6f64cf2389ec2c12b0e5064b165ba706307d55cb99c",
    "dailydialog_valid.json": "0644f3f8166c16eb71019294b8a41236771ffb01f2504921dd820807f0e766ad",
    "dailydialog_test.json": "68ecf8a38d9c39d3194fd607270ac3d7afd9052a6da6f5ec651252077d23f5f3",
    "iemocap_test.json": "a09dab37ab4134d1b6d3403e4b8d43e3917f8ed2a1ab33d423e5946fac671cc0",
    _FOLD: "6cf6db6fb1f8e63abc19e009ab71b14fbb01adac151d6ce3a7c10f70998faa77",
}
_EVIDENCE, _SPANS = "expanded emotion cause evidence", "expanded emotion cause span"
_BACKGROUND = "b"
_PARTS = 4  # emotion, target, candidate, conversation
_CITATION = "Poria et al., Recognizing Emotion Cause in Conversations, Cognitive Computation 2021"


def _spans(name: str, file: str, folder: Path) -> Iterator[Item]:
    for row in json_entries(folder / file):
        for turn in range(len(row.values(0))):
            if row.has(0, turn, _SPANS):
                yield placed(_span_item(row, turn, name), row, folder, "", f"{row.key}/turn {turn + 1}")


def _span_item(row: Row, turn: int, name: str) -> Item:
    said = [row.text(0, place, "utterance") for place in range(len(row.values(0)))]
    told = [f"{place + 1} {row.text(0, place, 'speaker')}: {said[place]}" for place in range(turn + 1)]
    evidence = [str(one) for one in row.values(0, turn, _EVIDENCE)]
    spans = list(row.texts(0, turn, _SPANS))
    utterances = {str(row.integer(0, place, "turn")): utterance for place, utterance in enumerate(said)}
    causes = [span for span in spans if span != _BACKGROUND]
    return Item(
        task=name,
        context="\n".join(told),
        question=f"Which words of the conversation caused the {row.text(0, turn, 'emotion')} in turn {turn + 1}? "
        "Quote them, or say `none` if no words did.",
        form="text",
        label=causes[0] if causes else "none",
        accepted=tuple(causes[1:]),
        facts={
            "turn": row.integer(0, turn, "turn"),
            "evidence": evidence,
            "spans": spans,
            "utterances": [utterances.get(one, "") for one in evidence],
        },
        cluster=f"reccon:{row.key}",
    )


def span_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with spans: not as many as evidence turns, later than the emotion, or not words of their turn."""
    faults: list[str] = []
    evidence, spans, utterances = (item.facts[name] for name in ("evidence", "spans", "utterances"))
    if not isinstance(evidence, list) or not isinstance(spans, list) or not isinstance(utterances, list):
        return ()
    if len(evidence) != len(spans):
        faults.append(f"there are {len(spans)} spans for {len(evidence)} turns of evidence")
    for turn, span, utterance in zip(evidence, spans, utterances, strict=False):
        if (turn == _BACKGROUND) != (span == _BACKGROUND):
            faults.append(f"turn {turn!r} and span {str(span)[:40]!r} do not go together")
        elif turn != _BACKGROUND:
            faults.extend(_span_fault(str(turn), str(span), str(utterance), int(str(item.facts["turn"]))))
    return tuple(faults)


def _span_fault(turn: str, span: str, utterance: str, target: int) -> Iterator[str]:
    if not utterance:
        yield f"there is no turn {turn}"
    elif not turn.isdigit() or int(turn) > target:
        yield f"turn {turn} comes after the emotion"
    elif span not in utterance:
        loosely = _letters(span) in _letters(utterance)
        yield f"the span {span[:60]!r} is not {'exactly ' if loosely else ''}in turn {turn}"


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _entailment(folder: Path) -> Iterator[Item]:
    for row in csv_rows(folder / _FOLD):
        parts = row.text("text").split(" <SEP> ")
        if len(parts) != _PARTS:
            raise row.wrong("it has not the four parts that <SEP> divides", "text")
        emotion, target, candidate, history = parts
        item = Item(
            task="reccon/entailment-valid",
            context=f"Conversation: {history}",
            question=f"Did the utterance {candidate!r} cause the {emotion} of the utterance {target!r}?",
            form="binary",
            label=row.one_of({"0": "no", "1": "yes"}, "labels"),
            facts={"id": row.text("id")},
            cluster=f"reccon:{row.text('id').partition('_utt')[0]}",
        )
        yield placed(item, row, folder, "")


def _span_task(name: str, file: str) -> Task:
    return Task(
        name=name,
        asks="Which words of a conversation caused an emotion in it?",
        target=Target("discovery", "RECCON", "text"),
        source=Published("reccon", {file: _DIGESTS[file]}, partial(_spans, name, file), _HOME, "", span_faults),
        chance=0.0,
        tags=Tags(("reading", "emotion"), "text", "explanation"),
        seeds=("059",),
        citation=_CITATION,
    )


TASKS = (
    _span_task("reccon/spans-test", "dailydialog_test.json"),
    _span_task("reccon/spans-valid", "dailydialog_valid.json"),
    _span_task("reccon/spans-train", "dailydialog_train.json"),
    _span_task("reccon/spans-iemocap", "iemocap_test.json"),
    Task(
        name="reccon/entailment-valid",
        asks="Did this utterance cause that emotion?",
        target=Target("discovery", "RECCON", "binary"),
        source=Published("reccon", {_FOLD: _DIGESTS[_FOLD]}, _entailment, _HOME, ""),
        chance=0.5,
        tags=Tags(("reading", "emotion"), "text", "explanation"),
        seeds=("059",),
        citation=_CITATION,
    ),
)

"""Do the two prompts of a contrast have the same number of tokens, and is its answer one token?"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aetia.contrasts.contrast import AlignedContrast, Alignment, Contrast, Dropped, Span, quoted
from aetia.contrasts.prompts import AskedPrompt, prompts_of, text_prompt
from aetia.contrasts.tokens import Encoded, Tokenizer, encode, token_texts, tokens_of_span
from aetia.errors import ContrastError
from aetia.models.groups import token_groups

if TYPE_CHECKING:
    from aetia.models.vision import Vision

__all__ = ["align", "align_first", "align_one", "diagnose_pair", "other_length"]

_OTHER_LENGTH = "AE-2117"
_CONTEXT = 4  # tokens shown on either side of where two prompts part


def align(
    contrasts: Iterable[Contrast],
    tokenizer: Tokenizer,
    *,
    continuation: bool = False,
    same_length: bool = True,
    chat: bool = False,
    placebos: bool = False,
) -> Alignment:
    """The contrasts as tokens: clean and corrupted equally long, answer and foil one token each, spans placed.

    What cannot be aligned is dropped, and its reason kept; nothing is padded or cut.

    Args:
        contrasts: As text; each is aligned by itself.
        tokenizer: The model's own.
        continuation: Answers may have several tokens, and keep them all.
        same_length: Keep only the items of the most frequent length T, so that position t is the same place in all.
        chat: Put each prompt into the tokenizer's chat template, as a user's message. The answer is then the
            first word of the reply: its leading space is left out if the template ends in white space.
        placebos: Align the rewordings of the corrupted prompt too; what has none that can be used is dropped.

    Raises:
        ContrastError: If nothing is left: the first contrast's own error. AE-2116 if there was nothing to align.
    """
    alignment = align_first(contrasts, tokenizer, None, continuation=continuation, chat=chat, placebos=placebos)
    if not same_length:
        return alignment
    length = Counter(item.length for item in alignment.items).most_common(1)[0][0]
    others = tuple(other_length(item.id, item.length, length) for item in alignment.items if item.length != length)
    items = tuple(item for item in alignment.items if item.length == length)
    return Alignment(items, alignment.dropped + others)


def align_first(
    contrasts: Iterable[Contrast],
    tokenizer: Tokenizer,
    items: int | None,
    *,
    continuation: bool = False,
    chat: bool = False,
    placebos: bool = False,
    vision: "Vision | None" = None,
) -> Alignment:
    """As `align`, of any lengths, and only until `items` are aligned; None takes all.

    Raises:
        ContrastError: If nothing is left.
    """
    aligned: list[AlignedContrast] = []
    dropped: list[Dropped] = []
    first: ContrastError | None = None
    for contrast in contrasts:
        try:
            aligned.append(
                align_one(contrast, tokenizer, continuation=continuation, chat=chat, placebos=placebos, vision=vision)
            )
        except ContrastError as error:
            first = first or error
            dropped.append(Dropped(contrast.id, f"{error.code} {error.found}"))
        if len(aligned) == items:
            break
    if aligned:
        return Alignment(tuple(aligned), tuple(dropped))
    if first is None:
        raise ContrastError("AE-2116", "There are no contrasts to align.", mend="give at least one.")
    if len(dropped) == 1:
        raise first
    details = (*first.details, f"None of the {len(dropped)} contrasts could be aligned; this is the first one's error.")
    raise ContrastError(first.code, first.found, mend=first.mend, details=details)


def other_length(name: str, length: int, common: int) -> Dropped:
    """The contrast `name` as dropped because it has `length` tokens and not `common` ones."""
    return Dropped(name, f"{_OTHER_LENGTH} It has {length} tokens, where most items have {common}.")


def align_one(
    contrast: Contrast,
    tokenizer: Tokenizer,
    *,
    continuation: bool = False,
    chat: bool = False,
    placebos: bool = False,
    vision: "Vision | None" = None,
) -> AlignedContrast:
    """One contrast as tokens.

    A contrast with a picture is put into the chat template of a model that sees, whose `vision` is given; the parts of
    its picture become groups of positions.

    Raises:
        ContrastError: AE-2106 no text, AE-2107 unequal lengths, AE-2108 an answer of several tokens, AE-2109 an answer
            without its space, AE-2110 answer and foil alike, AE-2111 a span that is not there, AE-2114 equal prompts,
            AE-2120 no rewording that can be used, where `placebos` asks for them, AE-2121 an answer that the model has
            no token for, AE-9705 pictures that the model cannot see or that differ in size.
    """
    character_spans = contrast.character_spans()
    clean, corrupted = prompts_of(contrast, tokenizer, vision, chat=chat)
    _check_pair(contrast, clean, corrupted, tokenizer)
    if clean.offset and clean.text[-1].isspace():
        contrast = replace(contrast, answer=contrast.answer.lstrip(), foil=contrast.foil.lstrip())
    prompts = (clean, corrupted)
    answer_ids = _answer("answer", contrast.answer, prompts, tokenizer, continuation=continuation)
    foil_ids = _answer("foil", contrast.foil, prompts, tokenizer, continuation=continuation) if contrast.foil else ()
    _check_foil(contrast, answer_ids, foil_ids, continuation=continuation)
    length = len(clean.encoded.ids)
    spans = {name: _token_span(name, span, clean) for name, span in character_spans.items()}
    groups, grids = _seen(contrast, clean, vision)
    if taken := sorted(set(character_spans) & set(groups)):
        found = f"The span {quoted(taken[0])} has the name of a part of the picture."
        raise ContrastError("AE-2111", found, mend="give it another name.")
    item = AlignedContrast(
        id=contrast.id,
        clean=contrast.clean,
        corrupted=contrast.corrupted,
        answer=contrast.answer,
        foil=contrast.foil,
        clean_ids=clean.ids,
        corrupted_ids=corrupted.ids,
        clean_tokens=token_texts(clean.encoded.ids, tokenizer),
        corrupted_tokens=token_texts(corrupted.encoded.ids, tokenizer),
        answer_ids=answer_ids,
        foil_ids=foil_ids,
        spans=spans | {"last": (length - 1, length)},
        cluster=contrast.cluster,
        groups=groups,
        grids=grids,
    )
    if not placebos:
        return item
    if clean.pictured is not None:
        found = "A question about a picture has no rewordings in place of its edited picture."
        raise ContrastError("AE-2120", found, mend="use --null permuted-pairs:19 or randomised-weights:19.")
    return replace(item, placebo_ids=_placebos(item, contrast.placebos, tokenizer, chat=chat))


def _check_pair(contrast: Contrast, clean: AskedPrompt, corrupted: AskedPrompt, tokenizer: Tokenizer) -> None:
    """Raises unless the two prompts differ, and are equally long."""
    if clean.ids == corrupted.ids and clean.pictured is not None:
        found = "The pictures and the edited ones are the same, and so are the questions."
        raise ContrastError("AE-2114", found, mend="give an edited picture that shows something else.")
    if clean.ids == corrupted.ids:
        raise ContrastError(
            "AE-2114",
            f"The clean and the corrupted prompt are the same: {quoted(contrast.clean)}.",
            mend="change in the corrupted prompt what you take to be the cause of the answer.",
        )
    if len(clean.encoded.ids) != len(corrupted.encoded.ids):
        raise _unequal_lengths(clean.encoded, corrupted.encoded, tokenizer)


def _check_foil(
    contrast: Contrast, answer_ids: tuple[int, ...], foil_ids: tuple[int, ...], *, continuation: bool
) -> None:
    """Raises if answer and foil cannot be told apart by what is read of them."""
    if foil_ids and foil_ids[0] == answer_ids[0] and (not continuation or foil_ids == answer_ids):
        raise ContrastError(
            "AE-2110",
            f"The answer {quoted(contrast.answer)} and the foil {quoted(contrast.foil)} begin with the same token.",
            mend="choose a foil that the model would write differently from its first token on.",
        )


def _seen(
    contrast: Contrast, clean: AskedPrompt, vision: "Vision | None"
) -> tuple[dict[str, tuple[int, ...]], tuple[tuple[int, int], ...]]:
    """The groups of positions and the grids of tokens of a contrast's pictures, if it has any."""
    if clean.pictured is None or vision is None:
        return {}, ()
    groups = token_groups(vision, clean.pictured, contrast.regions)
    grids = tuple(vision.grid(picture) for picture in clean.pictured.pictures)
    return {name: group for name, group in groups.items() if name != "last"}, grids


def diagnose_pair(clean: str, corrupted: str, tokenizer: Tokenizer) -> ContrastError:
    """The error AE-2107 for two prompts: their tokens, with `[` `]` around those that differ."""
    return _unequal_lengths(encode(clean, tokenizer), encode(corrupted, tokenizer), tokenizer)


def _placebos(
    item: AlignedContrast, texts: Sequence[str], tokenizer: Tokenizer, *, chat: bool
) -> tuple[tuple[int, ...], ...]:
    """The rewordings that can stand in for the corrupted prompt, each once.

    Raises:
        ContrastError: AE-2120 if there is none.
    """
    found: dict[tuple[int, ...], None] = {}
    flaws: list[str] = []
    for text in texts:
        try:
            placebo = text_prompt(text, tokenizer, chat=chat)
            flaw = _flaw(placebo, item, tokenizer)
        except ContrastError as error:
            flaws.append(f"{quoted(text)}: {error.found}")
            continue
        if flaw is None:
            found[placebo.encoded.ids] = None
        else:
            flaws.append(f"{quoted(text)}: {flaw}.")
    if found:
        return tuple(found)
    about = f" that can be used. {flaws[0]}" if flaws else "."
    raise ContrastError(
        "AE-2120",
        f"The corrupted prompt has no rewording{about}",
        mend="give in `placebos` texts that keep its cause and its number of tokens, or use another null.",
        details=tuple(flaws[1:_CONTEXT]),
    )


def _flaw(placebo: AskedPrompt, item: AlignedContrast, tokenizer: Tokenizer) -> str | None:
    """Why a rewording cannot stand in for the corrupted prompt; None if it can."""
    ids = placebo.encoded.ids
    if ids == item.corrupted_ids:
        return "it is the corrupted prompt itself"
    if ids == item.clean_ids:
        return "it is the clean prompt, which has the other cause"
    if len(ids) != item.length:
        return f"it has {len(ids)} tokens, the corrupted prompt {item.length}"
    for role, text, known in (("answer", item.answer, item.answer_ids), ("foil", item.foil, item.foil_ids)):
        if text and _added(role, text, placebo, tokenizer) != known:
            return f"the {role} {quoted(text)} is not cut into the same tokens after it"
    return None


def _token_span(name: str, span: Span, prompt: AskedPrompt) -> Span:
    start, stop = span
    placed = tokens_of_span((start + prompt.offset, stop + prompt.offset), prompt.encoded)
    if placed is None:
        raise ContrastError(
            "AE-2111",
            f"The span {quoted(name)} covers no token: the tokenizer drops the characters {start} to {stop}.",
            mend="let the span cover a word.",
        )
    return placed


def _answer(
    role: str, answer: str, prompts: tuple[AskedPrompt, AskedPrompt], tokenizer: Tokenizer, *, continuation: bool
) -> tuple[int, ...]:
    """The tokens that `answer` adds to the prompts, which must be the same for both."""
    if not answer:
        raise ContrastError("AE-2106", f"The {role} is empty.", mend=f"give the {role} as text, such as ' Paris'.")
    clean, corrupted = (_added(role, answer, prompt, tokenizer) for prompt in prompts)
    if clean != corrupted:
        raise ContrastError(
            "AE-2109",
            f"The {role} {quoted(answer)} is not cut into the same tokens after both prompts.",
            mend="let both prompts end in the same word.",
        )
    names = tokenizer.convert_ids_to_tokens(list(clean))
    if any(name in tokenizer.all_special_tokens and name not in answer for name in names):
        raise ContrastError(
            "AE-2121",
            f"The model has no token for the {role} {quoted(answer)}.",
            mend="ask something whose answers are among its words.",
        )
    if len(clean) > 1 and not continuation:
        texts = token_texts(clean, tokenizer)
        raise ContrastError(
            "AE-2108",
            f"The {role} {quoted(answer)} is {len(clean)} tokens; a logit belongs to one.",
            mend=f"use its first token {quoted(texts[0])} as the {role}, or score the whole text with continuation.",
            details=(f"tokens: {'|'.join(quoted(text)[1:-1] for text in texts)}",),
        )
    return clean


def _added(role: str, answer: str, prompt: AskedPrompt, tokenizer: Tokenizer) -> tuple[int, ...]:
    before, after = prompt.text[-1], answer[0]
    # Scripts without letter case (Chinese, Thai) also have no spaces between words, and digits may go on a number.
    if _has_case(before) and _has_case(after):
        raise ContrastError(
            "AE-2109",
            f"The {role} {quoted(answer)} has no leading space: it would go on the word {quoted(_last_word(prompt))}.",
            mend=f"write {quoted(' ' + answer)}, with its space.",
        )
    ids = encode(prompt.text + answer, tokenizer, special=prompt.special).ids
    known = prompt.encoded.ids
    if ids[: len(known)] != known or len(ids) == len(known):
        if before.isspace():
            found = f"The prompt ends in a space, which the {role} {quoted(answer)} takes into its own first token."
            mend = f"end the prompt without the space, and write {quoted(' ' + answer.lstrip())}."
        else:
            found = f"The {role} {quoted(answer)} changes how the end of the prompt is cut into tokens."
            mend = f"write {quoted(' ' + answer.lstrip())}, with a leading space, or end the prompt at a whole word."
        raise ContrastError("AE-2109", found, mend=mend)
    return ids[len(known) :]


def _has_case(character: str) -> bool:
    return character.lower() != character.upper()


def _last_word(prompt: AskedPrompt) -> str:
    return prompt.text.split()[-1]


def _unequal_lengths(clean: Encoded, corrupted: Encoded, tokenizer: Tokenizer) -> ContrastError:
    shorter = min(len(clean.ids), len(corrupted.ids))
    head = 0
    while head < shorter and clean.ids[head] == corrupted.ids[head]:
        head += 1
    tail = 0
    while tail < shorter - head and clean.ids[-1 - tail] == corrupted.ids[-1 - tail]:
        tail += 1

    def marked(ids: tuple[int, ...]) -> str:
        texts = [quoted(text, 40)[1:-1] for text in token_texts(ids, tokenizer)]
        stop = len(texts) - tail
        before, after = texts[:head], texts[stop:]
        before = ["…", *before[-_CONTEXT:]] if head > _CONTEXT else before
        after = [*after[:_CONTEXT], "…"] if tail > _CONTEXT else after
        return "|".join([*before, f"[{'|'.join(texts[head:stop])}]", *after])

    return ContrastError(
        "AE-2107",
        f"The prompts have {len(clean.ids)} and {len(corrupted.ids)} tokens; patching pairs positions one to one.",
        mend="make the parts in brackets equally many tokens, for instance by a name that is cut as finely.",
        details=(f"clean:   {marked(clean.ids)}", f"corrupt: {marked(corrupted.ids)}"),
    )

"""How is text from a model or a file made safe to show?"""

import re

__all__ = ["clean_text"]

# ECMA-48: a control sequence (CSI), a string command (OSC, DCS, SOS, PM, APC: up to its terminator or the end), or a
# short escape; the 8-bit forms (C1) say the same with one character.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f]).*?(?:\x07|\x1b\\|\x9c|\Z)"
    r"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)
_SPACES = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
# Controls; marks that reorder or hide text (bidi, zero-width space, word joiner, byte order mark, tags). Joiners
# U+200C and U+200D stay: Persian and emoji need them.
_HIDDEN = re.compile("[\0-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean_text(text: str, limit: int = 400) -> str:
    """Return `text` with nothing in it that a terminal or a page would act on, in at most `limit` characters.

    Escape sequences, control characters and marks that reorder or hide text are removed; line breaks and tabs become
    one space; a lone surrogate, which no encoder accepts, becomes U+FFFD. Cleaning twice changes nothing.

    Args:
        text: Text from a model, a file or another process.
        limit: Length above which the text is cut and ends in an ellipsis; at least 1.

    Source: ECMA-48 (control functions); Boucher and Anderson, Trojan Source, 2021 (bidi overrides).
    What it does not do: it does not escape HTML.
    """
    shown = _SPACES.sub(" ", _ESCAPES.sub("", text))
    shown = _SURROGATES.sub("\ufffd", _HIDDEN.sub("", shown))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"

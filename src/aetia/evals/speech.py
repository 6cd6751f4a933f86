"""How does a reply say a label?

One table for all: what examples show, what references say, and what a model's scores are of.
"""

from aetia.evals.item import Item, Language

__all__ = ["said", "said_labels"]

_WORDS = {"en": {"yes": "Yes", "no": "No"}, "zh": {"yes": "是", "no": "否"}}


def said(label: str, language: Language) -> str:
    """A label in the words of a language: `Yes` or `是` for `yes`; numbers and texts are said as they are."""
    return _WORDS[language].get(label, label)


def said_labels(item: Item, *, is_spaced: bool = False) -> tuple[str, ...]:
    """The labels of an item as a reply begins with them, in the order of `Item.labels`.

    Args:
        item: A choice, or a question for yes or no; others have no labels.
        is_spaced: Whether a space comes before each, as where the reply goes on in the text of the question.
    """
    space = " " if is_spaced and item.language == "en" else ""
    return tuple(space + said(label, item.language) for label in item.labels)

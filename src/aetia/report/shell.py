"""What is every page wrapped in, so that nothing of a model's text can run and no request can leave it?

Every text goes through Jinja's autoescape; the page's own style and script are allowed by their hashes, and nothing
else.
"""

import base64
import hashlib
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from aetia.report.circuit_drawing import CIRCUIT_STYLE
from aetia.report.colours import STEPS, diverging
from aetia.report.rows import token_text

__all__ = ["page_environment", "page_file", "page_policy", "page_style"]


@cache
def page_environment() -> Environment:
    """Jinja with this package's templates, which escape what they are given."""
    environment = Environment(
        loader=PackageLoader("aetia.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["steps"] = STEPS
    environment.filters["token"] = token_text
    return environment


@cache
def page_style() -> str:
    """The style of all pages, with the shades of maps."""
    shades = zip(diverging(), diverging(dark=True), strict=True)
    rules = "".join(f".k{level}{{fill:light-dark({light},{dark})}}\n" for level, (light, dark) in enumerate(shades))
    return page_file("report.css") + page_file("seeing.css") + CIRCUIT_STYLE + rules


@cache
def page_file(name: str) -> str:
    """A file of the templates."""
    return resources.files("aetia.report").joinpath("templates", name).read_text(encoding="utf-8")


def page_policy(style: str, script: str) -> str:
    """The content security policy of a page with this style and script, and nothing from elsewhere."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()

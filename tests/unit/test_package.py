"""Is the package what it says: its names, its lazy imports, and no call that trusts remote code?"""

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import aetia

SOURCE = Path(aetia.__file__).parent
QUIET = (
    "aetia",
    "aetia.cli",
    "aetia.report",
    "aetia.runs",
    "aetia.effects",
    "aetia.contrasts",
    "aetia.evals",
    "aetia.tracing",
)


def test_every_public_name_can_be_imported() -> None:
    missing = [name for name in aetia.__all__ if not hasattr(aetia, name)]
    assert missing == []
    assert sorted(aetia.__all__) == aetia.__all__
    assert dir(aetia) == aetia.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        _ = aetia.nothing_of_ours


def test_the_names_for_type_checkers_are_those_for_python() -> None:
    tree = ast.parse(Path(aetia.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed | {"__version__"} == set(aetia.__all__)


@pytest.mark.parametrize("module", QUIET)
def test_importing_it_does_not_load_torch(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'transformers', 'matplotlib.pyplot'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_a_key_of_a_study_needs_no_tables() -> None:
    code = (
        "import sys, aetia.runs.keys; print('pyarrow' in sys.modules); from aetia.runs import Run; print(Run.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "Run"]


def test_every_contract_between_the_layers_names_modules_that_exist() -> None:
    import tomllib

    project = SOURCE.parent.parent / "pyproject.toml"
    contracts = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    named = [name.strip() for line in contracts[0]["layers"] for name in re.split("[:|]", line)]
    assert [name for name in named if find_spec(name) is None] == []
    packages = {f"aetia.{path.name.removesuffix('.py')}" for path in SOURCE.iterdir() if not path.name.startswith("_")}
    assert packages - {"aetia.py.typed"} == set(named)


def test_nothing_trusts_remote_code() -> None:
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                # A name or an expression could be true: only the plain constant False is allowed.
                is_false = isinstance(node.value, ast.Constant) and node.value.value is False
                found += [] if is_false else [f"{path}:{node.value.lineno}"]
            if isinstance(node, ast.Dict):
                keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                found += [f"{path}:{node.lineno}"] if "trust_remote_code" in keys else []
    assert found == []


def test_nothing_unpickles() -> None:
    unsafe = {("torch", "load"), ("pickle", "load"), ("pickle", "loads"), ("joblib", "load"), ("yaml", "load")}
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found += [f"{path}:{node.lineno}"] if (node.value.id, node.attr) in unsafe else []
    assert found == []

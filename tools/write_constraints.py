"""Which versions are installed in this environment? Writes them to constraints.txt."""

import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "constraints.txt"
HEAD = """\
# Exact versions that the tests and the published numbers were made with (Python 3.11).
# Regenerate: make constraints
"""


def main() -> None:
    """Write the version of every package but aetia, without the build's name (`+cpu`)."""
    command = [sys.executable, "-m", "pip", "list", "--format=freeze", "--exclude-editable"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    pins = sorted((line.split("+")[0] for line in lines if not line.startswith(("aetia==", "pip=="))), key=str.lower)
    TARGET.write_text(HEAD + "\n".join(pins) + "\n", encoding="utf-8")
    print(f"{len(pins)} versions written to {TARGET.name}")


if __name__ == "__main__":
    main()

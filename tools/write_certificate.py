"""What do calibration runs come to? Writes the certificate that is part of the package.

    python tools/write_certificate.py runs/calibrate-trace runs/calibrate-circuit

A later run wins over an earlier one, and both over what the certificate has of the same instruments.
"""

import json
import sys
from pathlib import Path

from aetia.calibration.certificate import certificate_of, packaged, status
from aetia.calibration.subjects import SUBJECTS
from aetia.runs import open_run

TARGET = Path(__file__).parents[1] / "src" / "aetia" / "calibration" / "certificate.json"


def main() -> None:
    """Merge the runs named on the command line into the certificate."""
    runs = [open_run(name) for name in sys.argv[1:]]
    found = {one.subject: one for one in (*packaged(), *certificate_of(run.effects() for run in runs))}
    certificates = [found[one.name] for one in SUBJECTS if one.name in found]
    content = {"certificates": [one.record() for one in certificates], "instruments": dict(status(certificates))}
    TARGET.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(certificates)} ways of instruments")


if __name__ == "__main__":
    main()

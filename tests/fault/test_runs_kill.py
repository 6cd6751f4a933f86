"""Does a run that is killed, anywhere and any number of times, end as if it had not been?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TRIALS = Path(__file__).with_name("kill_trials.py")


@pytest.mark.parametrize(("kind", "most", "least_kills"), [("calls", 300, 40), ("torn", 100, 8), ("times", 10, 10)])
def test_a_killed_run_resumes_to_the_same_bytes_and_stores_no_batch_twice(kind, most, least_kills, tmp_path):
    command = [sys.executable, str(TRIALS), str(tmp_path), kind, str(most)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(result["kills"] for result in results) >= least_kills
    for result in results:
        assert result["equal"], result
        assert result["computed_again_though_stored"] == 0, result
        # What a kill interrupts in the middle is the only work that is ever lost.
        assert result["computed_in_vain"] <= result["kills"], result
        assert result["left"] == [], result
        assert result["status"] == "complete", result

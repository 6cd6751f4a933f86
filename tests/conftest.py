"""What every test of the shell takes for granted: tables as wide as a file's, whatever terminal runs the tests."""

import pytest


@pytest.fixture(autouse=True)
def width_of_a_file(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)

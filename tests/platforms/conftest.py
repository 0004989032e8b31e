"""Calls of platforms are repeated without waiting."""

import pytest

from jobs.exports import http


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr(http, "FIRST_WAIT", 0)

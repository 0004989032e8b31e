"""Databases to extract from, and a retailer with such a source."""

from __future__ import annotations

import pytest
from loyalty import INSTANT, MEMBERS, create
from mariadb import MariaDB
from postgres import ADMIN, PASSWORD, Postgres, UnavailableError
from shop import Retailer


@pytest.fixture(scope="session", params=[Postgres, MariaDB])
def database(request):
    try:
        server = request.param()
    except UnavailableError as error:
        pytest.skip(str(error))
    yield server
    server.close()


@pytest.fixture
def members(database, monkeypatch):
    """The server with an empty table of members, and the logins to it in the environment."""
    monkeypatch.setenv("LOYALTY_DB_URL", database.url)
    monkeypatch.setenv("LOYALTY_DB_USER", ADMIN)
    monkeypatch.setenv("LOYALTY_DB_PASSWORD", PASSWORD)
    create(database, f"card varchar(20) primary key, name text, city text, updated_at {INSTANT[type(database)]}")
    return database


@pytest.fixture
def loyalty(tmp_path, members):
    """A retailer for tests that need no engine."""
    retailer = Retailer(tmp_path)
    retailer.declare("sources/loyalty.yml", MEMBERS)
    yield retailer
    retailer.close()

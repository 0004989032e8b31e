"""Lakes of both committers, by either engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from forms import FORMS
from sales import Desk


@pytest.fixture
def open_desk(tmp_path: Path, server: Path) -> Callable[[str, str], Desk]:
    """Open the same lake with an engine and a committer; each call is another client."""

    def opened(engine: str, committer: str = "deltalake") -> Desk:
        home = tmp_path / "home"
        if engine == "spark" and not (home / "server").exists():
            home.mkdir(exist_ok=True)
            (home / "server").symlink_to(server)
        return Desk(home, engine, committer)

    return opened


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> tuple[str, str]:
    """An engine and a committer."""
    return request.param


@pytest.fixture(scope="session")
def prepared() -> dict[tuple[str, str], Path]:
    """Lakes with new tables, by form, as templates to copy, since Spark takes seconds to create a table."""
    return {}


@pytest.fixture
def desk(
    form: tuple[str, str], open_desk: Callable[[str, str], Desk], prepared: dict[tuple[str, str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Desk:  # fmt: skip
    """A lake in one of its forms, with its tables prepared."""
    opened = open_desk(*form)
    if form in prepared:
        shutil.copytree(prepared[form], opened.settings.lake, dirs_exist_ok=True)
        return opened
    opened.prepare()
    prepared[form] = tmp_path_factory.mktemp("prepared") / "lake"
    shutil.copytree(opened.settings.lake, prepared[form])
    return opened

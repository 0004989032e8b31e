"""A fault before and after every commit of every step: the step's next run gives what an undisturbed one gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from shop import Retailer, template
from small_day import FIRST, SECOND, STEPS, crowned, declared

from quanyu.lake.delta_rs import DeltaRsCommitter
from quanyu.lake.delta_spark import SparkCommitter

COMMITS = ("create", "add_columns", "append", "replace", "merge", "append_rows", "replace_rows", "upsert_rows")
Rows = dict[str, list[tuple[Any, ...]]]


class KilledError(BaseException):
    """Stands for the end of the process: nothing that handles errors catches it."""


class Moments:
    """Counts the moments before and after commits to the lake and to the store, and ends the process at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, self.fatal = 0, -1
        for committer in (DeltaRsCommitter, SparkCommitter):
            for name in COMMITS:
                monkeypatch.setattr(committer, name, self._around(getattr(committer, name)))

    def _around(self, commit: Callable[..., None]) -> Callable[..., None]:
        @wraps(commit)
        def wrapped(*args: Any, **more: Any) -> None:
            self.pass_one()
            commit(*args, **more)
            self.pass_one()

        return wrapped

    def pass_one(self, connection: sa.Connection | None = None) -> None:
        """Count one moment, of the store those before its commits alone: between two commits nothing else is kept."""
        if connection is not None and not connection.get_execution_options().get("writes"):
            return
        self.count += 1
        if self.count - 1 == self.fatal:
            raise KilledError


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> Iterator[Moments]:
    counted = Moments(monkeypatch)
    sa.event.listen(sa.Engine, "commit", counted.pass_one)
    yield counted
    sa.event.remove(sa.Engine, "commit", counted.pass_one)


def _undisturbed(folder: Path) -> None:
    """Run the first day, then the second step by step, with a copy of all before each step and after the last."""
    shop = Retailer(folder / "shop")
    declared(shop)
    crowned(shop)
    assert tuple(shop.context(FIRST).steps) == STEPS, "a step is not among those whose commits are disturbed"
    shop.run(FIRST)
    for number, name in enumerate(STEPS):
        shop.close()
        shop.copy(folder / str(number))
        shop.run(SECOND, name)
    shop.close()
    shop.copy(folder / str(len(STEPS)))


@pytest.fixture(scope="module")
def undisturbed() -> Path:
    """Folder of the homes before each step, by the step's number, and after the last."""
    return template("small_day", _undisturbed)


def tables(shop: Retailer, places: set[str]) -> Rows:
    return {place: shop.rows(place) for place in sorted(places)}


def written(before: Retailer, after: Retailer) -> set[str]:
    """Places that a step wrote to."""
    versions = before.versions()
    return {place for place, version in after.versions().items() if versions.get(place) != version}


def left_the_house(shop: Retailer) -> dict[str, str]:
    """Everything that went out, by its path: messages, and exports without the times of their making."""
    files = [file for part in ("outbox", "exports") for file in sorted((shop.home / part).rglob("*")) if file.is_file()]
    return {str(file.relative_to(shop.home)): _timeless(file) for file in files}


def _timeless(file: Path) -> str:
    if file.name != "_MANIFEST.json":
        return file.read_bytes().hex() if file.suffix != ".eml" else ""
    manifest = json.loads(file.read_text())
    return json.dumps({key: manifest[key] for key in ("counts", "files") if key in manifest}, sort_keys=True)


@pytest.mark.parametrize("name", STEPS)
def test_a_fault_at_any_commit_of_a_step_and_a_rerun_give_the_same_tables(undisturbed, tmp_path, moments, name):
    number = STEPS.index(name)
    before, after = (Retailer.at(undisturbed / str(n)) for n in (number, number + 1))
    places = written(before, after)
    expected, sent = tables(after, places), left_the_house(after)
    fatal, faults = 0, 0
    while True:
        shop = before.copy(tmp_path / str(fatal))
        moments.count, moments.fatal = 0, fatal
        try:
            shop.run(SECOND, name)
        except KilledError:
            faults += 1
        else:
            break
        moments.fatal = -1
        shop.close()
        shop.run(SECOND, name)
        assert tables(shop, places) == expected, fatal
        assert written(before, shop) == places, fatal
        assert left_the_house(shop) == sent, fatal
        shop.close()
        fatal += 1
    shop.close()
    # What looks at nothing new still notes that it looked.
    assert faults >= 2 * len(places) + 1

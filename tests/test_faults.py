"""A kill before and after every commit of every step: the next run gives the same as an undisturbed one."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from moments import Moments, passing
from shop import Retailer, template
from small_day import MOMENTS, SECOND, STEPS, lived

# One step of each kind of write; `make test-long` kills every step.
ONE_OF_EACH_KIND = {
    "ingest.consents", "ingest.receipts", "identities", "customers", "activity", "consent_answers", "features.value",
    "next_items", "train.churn", "scores", "memberships.customer", "export.buyers.drop", "journeys", "send", "metrics",
}  # fmt: skip
Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> Iterator[Moments]:
    with passing(monkeypatch) as counted:
        yield counted


@pytest.fixture(scope="module")
def undisturbed() -> Path:
    """Folder with a home before each step, by the step's number, and after the last step."""
    return template("small_day", lived)


def tables(shop: Retailer, places: set[str]) -> Rows:
    return {place: shop.steady(place) for place in sorted(places)}


def written(before: Retailer, after: Retailer) -> set[str]:
    """Places that a step wrote to."""
    versions = before.versions()
    return {place for place, version in after.versions().items() if versions.get(place) != version}


def left_the_house(shop: Retailer) -> dict[str, str]:
    """Everything sent or exported, by path: messages, and exports without their times."""
    files = [file for part in ("outbox", "exports") for file in sorted((shop.home / part).rglob("*")) if file.is_file()]
    return {str(file.relative_to(shop.home)): _timeless(file) for file in files}


def _timeless(file: Path) -> str:
    if file.name != "_MANIFEST.json":
        return file.read_bytes().hex() if file.suffix != ".eml" else ""
    manifest = json.loads(file.read_text())
    return json.dumps({key: manifest[key] for key in ("counts", "files") if key in manifest}, sort_keys=True)


@dataclass
class Expected:
    """Results of an undisturbed run of one step."""

    before: Retailer
    after: Retailer

    def __post_init__(self) -> None:
        self.places = written(self.before, self.after)
        self.tables, self.sent = tables(self.after, self.places), left_the_house(self.after)

    def check(self, shop: Retailer, moment: object) -> None:
        assert written(self.before, shop) == self.places, moment
        assert tables(shop, self.places) == self.tables, moment
        assert left_the_house(shop) == self.sent, moment
        shop.close()


@pytest.fixture(
    params=[pytest.param(name, marks=() if name in ONE_OF_EACH_KIND else pytest.mark.long) for name in STEPS]
)
def step(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def expected(undisturbed: Path, step: str) -> Expected:
    number = MOMENTS.index(step)
    return Expected(*(Retailer.at(undisturbed / str(n)) for n in (number, number + 1)))


def test_kills_at_each_commit_in_turn_give_the_same_tables_in_the_end(expected, tmp_path, moments, step):
    shop = expected.before.copy(tmp_path)
    fatal: set[Hashable] = set()

    def is_new(number: int, moment: Hashable) -> bool:
        new = moment not in fatal
        fatal.add(moment)
        return new

    while moments.kills(lambda: shop.run(SECOND, step), is_new):
        shop.close()
    # Before and after each commit to a table, and before the store records the result.
    assert len(fatal) >= 2 * len(expected.places) + 1
    expected.check(shop, "in turn")


@pytest.mark.long
def test_a_kill_at_any_commit_and_a_rerun_give_the_same_tables(expected, tmp_path, moments, step):
    for fatal in count():
        shop = expected.before.copy(tmp_path / str(fatal))
        if not moments.kills(lambda shop=shop: shop.run(SECOND, step), lambda number, moment, n=fatal: number == n):
            break
        shop.close()
        shop.run(SECOND, step)
        expected.check(shop, fatal)
    shop.close()
    assert fatal >= 2 * len(expected.places) + 1

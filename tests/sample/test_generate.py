"""The sample is reproducible, and a later run continues an earlier one."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import pytest

from sample.feeds import FEEDS
from sample.generate import generate, main

START = date(2024, 1, 25)
DAYS = 40
SINCE = START + timedelta(days=33)
ONCE = ("people.parquet", "uplift.parquet", "outlets.csv", "elasticity.csv", "size_curve.csv")


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def full_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    generate(folder / "landing", 90, START, DAYS, 3)
    return folder


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(full_run, tmp_path):
    digests = {}
    for name, seed in (("same", 3), ("other", 4)):
        main(["--out", str(tmp_path / name / "landing"), "--customers", "90", "--days", str(DAYS), "--seed", str(seed),
              "--start", str(START)])  # fmt: skip
        digests[name] = hashes(tmp_path / name)
    assert digests["same"] == hashes(full_run)
    assert digests["other"] != hashes(full_run)


def test_one_more_day_leaves_earlier_days_unchanged(full_run, tmp_path):
    generate(tmp_path / "landing", 90, START, DAYS - 5, 3)
    less, more = hashes(tmp_path / "landing"), hashes(full_run / "landing")
    assert {name: more[name] for name in less} == less
    assert min(name.split("/")[1] for name in more.keys() - less.keys()) == str(START + timedelta(days=DAYS - 5))


def test_later_days_alone_equal_those_of_a_full_run(full_run, tmp_path):
    generate(tmp_path / "landing", 90, START, DAYS, 3, since=SINCE)
    late, all_ = hashes(tmp_path), hashes(full_run)
    assert {name: all_[name] for name in late} == late
    assert min(name.split("/")[2] for name in late if name.startswith("landing")) == str(SINCE)
    assert {name for name in all_.keys() - late.keys() if Path(name).stem >= str(SINCE) and "truth" in name} <= {
        f"truth/{name}" for name in ONCE
    }


def test_some_feeds_alone_equal_those_of_a_full_run(full_run, tmp_path):
    generate(tmp_path / "landing", 90, START, DAYS, 3, feeds=["pos", "crm"])
    some, all_ = hashes(tmp_path / "landing"), hashes(full_run / "landing")
    assert {name.split("/")[0] for name in some} == {"pos", "crm"}
    assert some == {name: all_[name] for name in all_ if name.split("/")[0] in ("pos", "crm")}


def test_an_unknown_feed_is_named(tmp_path):
    with pytest.raises(ValueError, match="no such feed: poss; there are erp_products"):
        generate(tmp_path / "landing", 10, START, 1, 3, feeds=["poss"])


def test_landing_contains_only_feeds_and_days_and_no_temporary_files(full_run):
    names = [path.relative_to(full_run / "landing") for path in (full_run / "landing").rglob("*") if path.is_file()]
    assert {name.parts[0] for name in names} <= set(FEEDS)
    assert all(date.fromisoformat(name.parts[1]) >= START for name in names)
    assert not [name for name in names if name.name.startswith(".")]


def test_the_truth_is_written_beside_landing_or_to_a_chosen_folder(full_run, tmp_path):
    assert {path.name for path in full_run.iterdir()} == {"landing", "truth"}
    generate(tmp_path / "landing", 20, START, 2, 3, truth=tmp_path / "elsewhere")
    assert {path.name for path in tmp_path.iterdir()} == {"landing", "elsewhere"}

"""Staged files: any split into files gives the same table, and an interrupted commit leaves no rows."""

import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sales import RECEIPT, SALES, Sales, sale

from quanyu.lake.staging import StagedRows

ROOT = Path(__file__).parents[3]
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", range(6))
def test_any_split_of_rows_into_files_is_the_same_table(open_desk, seed):
    """With empty files, files of one row, and files of several sources; then replaced and merged."""
    dice = random.Random(seed)
    desk = open_desk("sail")
    desk.prepare()
    rows = [
        sale(f"{n:03}", source=dice.choice(["crm", "pos"]), sold_at=START + timedelta(microseconds=n * 1_000_001),
             phone=dice.choice([None, "1"]), coupons=dice.choice([None, [], ["a", None]]))
        for n in range(dice.randrange(1, 60))
    ]  # fmt: skip
    left = list(rows)
    while left:
        several = dice.randrange(1, 30)
        batch, left = left[:several], left[several:]
        if dice.random() < 0.5:
            batch.sort(key=lambda row: row["source"])
        table = desk.arrow(Sales, batch)
        declared = ", ".join(f"`{name}` {column.type}" for name, column in Sales.schema().items())
        staged = desk.lake.staging.stage_arrow(desk.lake.spark, table, declared, dice.randrange(1, 9))
        assert isinstance(staged, StagedRows)
        desk.lake.append(SALES, staged, RECEIPT, {})
    stored = [{**row, "sold_at": row["sold_at"].astimezone(UTC)} for row in desk.rows()]
    assert stored == sorted(rows, key=lambda row: (row["source"], row["number"]))
    bound = START + timedelta(microseconds=30 * 1_000_001)
    read = desk.lake.read(SALES).where(f"sold_at >= timestamp'{bound.isoformat(sep=' ')}'")
    assert read.count() == sum(row["sold_at"] >= bound for row in rows)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{folder!r}, str(Path({folder!r}).parents[1])]
from sales import Desk, sale
from quanyu.lake import delta_rs, staged_files
desk = Desk(Path(sys.argv[1]), "sail", "deltalake")
desk.prepare()
desk.append(sale("a"))
linked = staged_files.add_actions
def die(table, rows):
    linked(table, rows)
    os.kill(os.getpid(), signal.SIGKILL)
staged_files.add_actions = die
desk.append(sale("b"))
"""


def test_what_was_staged_and_linked_by_a_run_that_died_is_never_read(open_desk, tmp_path):
    code = KILLED.format(folder=str(Path(__file__).parent))
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path / "home")], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    desk = open_desk("sail")
    files = list(Path(desk.lake.path(SALES)).glob("source=pos/*.parquet"))
    assert (len(files), desk.rows(Sales, "number")) == (2, ["a"])
    desk.lake.fence("sell", [SALES])
    desk.append(sale("b"))
    assert desk.rows(Sales, "number") == ["a", "b"]
    # A file is removed after seven days at least, so that no running commit loses its files.
    desk.lake.maintain(SALES, timedelta(days=7))
    assert len(list(Path(desk.lake.path(SALES)).rglob("source=pos/*.parquet"))) >= 3
    desk.lake.maintain(SALES, timedelta(0))
    assert desk.rows(Sales, "number") == ["a", "b"]

"""SIGKILL to the client or to the JVM at seeded moments, then the run again: the same tables as an undisturbed run."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import Retailer, leave, server_folder, small_shop

from quanyu.engine.session import Engine

DAY = "2024-02-10"
STEPS = ("ingest.pos", "ingest.crm", "identities", "customers", "features.recency")
PLACES = ("bronze/pos", "bronze/crm", "quarantine/pos", "silver/order_lines", "silver/orders", "silver/people",
          "silver/consents", "silver/identifiers", "gold/identity_events", "gold/identities", "gold/identity_days",
          "gold/customers", "gold/recency")  # fmt: skip
DRIVER = """
import sys
from datetime import date
from pathlib import Path
from quanyu.run import Context, home_lock, perform
from quanyu.settings import load_settings
settings = load_settings(sys.argv[1], sys.argv[2])
context = Context(settings, date.fromisoformat(sys.argv[3]))
with home_lock(settings, 60):
    context.lake.spark
    Path(sys.argv[2], "begun").touch()
    for name in sys.argv[4:]:
        perform(context, context.step(name))
context.close()
"""


def start(shop: Retailer) -> subprocess.Popen[bytes]:
    """Start a run in a process of its own, and wait until its work begins."""
    mark = shop.home / "begun"
    mark.unlink(missing_ok=True)
    line = [sys.executable, "-c", DRIVER, str(shop.conf), str(shop.home), DAY, *STEPS]
    running = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not mark.exists() and running.poll() is None:
        time.sleep(0.05)
    return running


def finish(shop: Retailer) -> None:
    """Run to the end; a server that died under an earlier run is replaced by this one."""
    running = start(shop)
    _, errors = running.communicate(timeout=300)
    assert running.returncode == 0, errors.decode()[-2000:]


def content(shop: Retailer) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables that matter."""
    there = shop.versions()
    return {place: shop.rows(place) for place in PLACES if place in there}


def fresh(folder: Path, template: Retailer, server: Path) -> Retailer:
    """Another home with the same landing, configuration and key."""
    made = Retailer(folder, server)
    shutil.rmtree(made.conf)
    shutil.copytree(template.conf, made.conf)
    shutil.copytree(template.home / "landing", made.home / "landing")
    (made.home / "person.key").write_text("a" * 64)
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server that may be killed: nobody else's."""
    folder = server_folder(tmp_path_factory.mktemp("kill"))
    yield folder
    leave(folder)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, server: Path) -> Iterator[tuple[Retailer, object, float]]:
    """A shop whose run nobody disturbed, its tables, and the seconds that its work took."""
    shop = small_shop(tmp_path_factory.mktemp("undisturbed"), server)
    (shop.home / "person.key").write_text("a" * 64)
    began = time.monotonic()
    finish(shop)
    yield shop, content(shop), time.monotonic() - began
    shop.close()


def moments(count: int) -> list[float]:
    """Seeded shares of the run's time at which it is killed."""
    drawn = random.Random(20240210)
    return [round(drawn.uniform(0.02, 0.95), 3) for _ in range(count)]


CASES = [(share, "jvm" if number % 2 else "client") for number, share in enumerate(moments(20))]


@pytest.mark.parametrize(
    ("share", "victim"),
    [pytest.param(*case, marks=[] if number < 2 else pytest.mark.long) for number, case in enumerate(CASES)],
)
def test_a_killed_run_and_its_repetition_give_the_same_tables(undisturbed, tmp_path, server, share, victim):
    template, expected, seconds = undisturbed
    shop = fresh(tmp_path, template, server)
    running = start(shop)
    time.sleep(share * seconds)
    if victim == "client":
        running.send_signal(signal.SIGKILL)
    else:
        engine = Engine(shop.settings)
        found = engine.server()
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGKILL)
    running.communicate(timeout=300)
    finish(shop)
    assert content(shop) == expected
    shop.close()


def test_a_data_file_without_its_log_entry_is_never_read(undisturbed, tmp_path, server):
    """The moment between a data file and its commit: the file lies there, and the log does not name it."""
    template, expected, _ = undisturbed
    shop = fresh(tmp_path, template, server)
    finish(shop)
    file = next((shop.home / "lake" / "silver" / "orders").glob("source=pos/*.parquet"))
    shutil.copy(file, file.with_name(file.name.replace("part-", "part-9")))
    before = shop.versions()
    finish(shop)
    assert content(shop) == expected
    assert shop.versions() == before
    shop.close()

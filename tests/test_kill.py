"""SIGKILL to the client or its engine at seeded moments: the next run gives the tables of an undisturbed one."""

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

import psutil
import pytest
from shop import Retailer, small_shop

from quanyu.engine.spark import SparkEngine

pytestmark = pytest.mark.long
DAY = "2024-02-10"
STEPS = ("ingest.pos", "ingest.crm", "identities", "customers", "features.recency")
PLACES = ("bronze/pos", "bronze/crm", "quarantine/pos", "silver/order_lines", "silver/orders", "silver/people",
          "silver/consents", "silver/identifiers", "gold/identity_events", "gold/identities", "gold/identity_days",
          "gold/customers", "gold/recency")  # fmt: skip
DRIVER = """
import sys
from datetime import date
from pathlib import Path
from quanyu.home.lock import home_lock
from quanyu.run.runner import Context, perform
from quanyu.config.settings import load_settings
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
    """Start a run in its own process, and wait until its work begins."""
    mark = shop.home / "begun"
    mark.unlink(missing_ok=True)
    line = [sys.executable, "-c", DRIVER, str(shop.conf), str(shop.home), DAY, *STEPS]
    running = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not mark.exists() and running.poll() is None:
        time.sleep(0.05)
    return running


def finish(shop: Retailer) -> float:
    """Run to the end; an engine that was killed in an earlier run is replaced. Returns the seconds of work."""
    running = start(shop)
    began = time.monotonic()
    _, errors = running.communicate(timeout=300)
    assert running.returncode == 0, errors.decode()[-2000:]
    return time.monotonic() - began


def content(shop: Retailer) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the compared tables."""
    present = shop.versions()
    return {place: shop.rows(place) for place in PLACES if place in present}


def another(folder: Path, template: Retailer) -> Retailer:
    """Another home with the same landing, configuration, key and Spark server."""
    shop = small_shop(folder, (template.home / "server").resolve())
    shutil.copy(template.conf / "base.yml", shop.conf)
    return shop


@pytest.fixture(scope="module", params=["sail", pytest.param("spark", marks=pytest.mark.spark)])
def undisturbed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Retailer, object, float]]:
    """A shop after an undisturbed run, its tables, and the seconds of its work."""
    folder = tmp_path_factory.mktemp(request.param)
    server = folder / "killed" / "server"
    server.mkdir(parents=True)
    shop = small_shop(folder / "undisturbed", server)
    shop.declare("base.yml", (shop.conf / "base.yml").read_text() + f"engine: {request.param}\n")
    seconds = finish(shop)
    yield shop, content(shop), seconds
    SparkEngine(shop.settings).stop()
    shop.close()


def engine_process(shop: Retailer, running: subprocess.Popen[bytes]) -> int | None:
    """Id of the engine's process of a run: its child, or the home's Spark server."""
    if shop.settings.engine == "spark":
        server = SparkEngine(shop.settings).server()
        return server.pid if server else None
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(running.pid).children()
        return next((child.pid for child in children if "quanyu.engine.sail_process" in child.cmdline()), None)
    return None


def moments(count: int) -> list[float]:
    """Seeded shares of a run's time at which it is killed."""
    random_numbers = random.Random(20240210)
    return [round(random_numbers.uniform(0.02, 0.95), 3) for _ in range(count)]


@pytest.mark.parametrize(
    ("share", "victim"), [(share, ("client", "engine")[number % 2]) for number, share in enumerate(moments(10))]
)
def test_a_killed_run_and_its_repetition_give_the_same_tables(undisturbed, tmp_path, share, victim):
    template, expected, seconds = undisturbed
    shop = another(tmp_path, template)
    running = start(shop)
    time.sleep(share * seconds)
    process = running.pid if victim == "client" else engine_process(shop, running)
    if process is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    running.communicate(timeout=300)
    finish(shop)
    assert content(shop) == expected
    shop.close()

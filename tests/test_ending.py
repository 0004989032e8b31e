"""Ctrl-C and TERM end a run within seconds, with their exit codes, and the same command continues it."""

import signal
import subprocess
import sys
import time

import psutil
import pytest
from shop import Retailer, template
from small_day import MOMENTS, SECOND, lived


def line(shop):
    """The command that runs the second day."""
    places = ("--conf", str(shop.conf), "--home", str(shop.home))
    return [sys.executable, "-m", "quanyu.cli", "run", "--day", SECOND, *places]


def started(shop):
    """Start the second day on the command line, and wait until a step has ended."""
    running = subprocess.Popen(line(shop), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    for text in running.stdout:
        if ": done in" in text:
            return running
    raise AssertionError(running.communicate()[1])


def interrupt(shop, number, code):
    """Start the second day and send a signal after its first step."""
    running = started(shop)
    family = psutil.Process(running.pid).children(recursive=True)
    assert family, "no engine was started"
    began = time.monotonic()
    running.send_signal(number)
    _, words = running.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert running.returncode == code
    assert "what was committed stays" in words
    psutil.wait_procs(family, timeout=3)
    assert [process for process in family if process.is_running()] == []
    assert not (shop.home / "run.holder").exists()
    assert list((shop.home / "lake" / "_staging").glob("*")) == []


@pytest.mark.long
def test_signals_end_a_run_and_the_same_command_continues_it(tmp_path):
    homes = template("small_day", lived)
    shop = Retailer.at(homes / "0").copy(tmp_path)
    interrupt(shop, signal.SIGINT, 130)
    interrupt(shop, signal.SIGTERM, 143)
    assert subprocess.run(line(shop), capture_output=True, check=False).returncode == 0
    undisturbed = Retailer.at(homes / str(len(MOMENTS)))
    for place in ("silver/orders", "gold/identities", "gold/memberships_customer", "gold/deliveries"):
        assert shop.steady(place) == undisturbed.steady(place), place

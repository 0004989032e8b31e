"""The checks before the first step, and messages that say who must act."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import quanyu
from shop import Retailer, template
from small_day import SECOND, lived

from quanyu.errors import ConfigError, KeeperError, RetryableError
from quanyu.home import home_name as homes
from quanyu.home.lock import check_writable, home_lock
from quanyu.run import preflight, tasks


@pytest.fixture
def shop(tmp_path):
    """The small retailer before its second day."""
    copy = Retailer.at(template("small_day", lived) / "0").copy(tmp_path / "shop")
    yield copy
    copy.close()


def ran(shop, *words):
    """Run the second day on the command line."""
    return quanyu(*(words or ("run",)), "--day", SECOND, "--conf", str(shop.conf), "--home", str(shop.home))


@contextlib.contextmanager
def small_disk(folder, size="1m", options=""):
    """Mount a small tmpfs at a folder; skipped if that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}{options}", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_it_takes_less_than_a_second_and_starts_no_engine(shop):
    preflight.check(shop.context(SECOND))
    context = shop.context(SECOND)
    _ = context.steps
    began = time.monotonic()
    preflight.check(context)
    assert time.monotonic() - began < 1


def test_a_path_that_can_have_no_tables_is_refused_in_words(tmp_path):
    retailer = Retailer(tmp_path / "a[1]")
    with pytest.raises(ConfigError, match=r"no tables can lie below .*, which has '\[', '\]'.* Choose another"):
        preflight.check(retailer.context(SECOND))
    retailer.close()


def test_a_path_that_a_cluster_takes_for_a_pattern_is_refused_in_words(tmp_path):
    retailer = Retailer(tmp_path / "全域 {a}")
    retailer.declare("base.yml", (retailer.conf / "base.yml").read_text() + "spark: {remote: 'sc://localhost:15002'}\n")
    with pytest.raises(ConfigError, match=r"a cluster reads .* as patterns, and the home's path contains one: .*全域"):
        preflight.check(retailer.context(SECOND))
    retailer.close()


def test_a_full_disk_and_one_that_cannot_be_written_are_reported(tmp_path):
    with small_disk(tmp_path / "full") as folder:
        with contextlib.suppress(OSError), (folder / "filler").open("wb") as filler:
            while True:
                filler.write(bytes(4096))
                filler.flush()
        with pytest.raises(KeeperError, match="full cannot be written: No space left on device"):
            check_writable(folder)
    with (
        small_disk(tmp_path / "fixed", options=",ro") as folder,
        pytest.raises(KeeperError, match="cannot be written: Read-only file system"),
    ):
        check_writable(folder / "home")


def test_a_home_on_a_read_only_disk_is_reported(shop, tmp_path):
    with small_disk(tmp_path / "fixed", options=",ro") as folder:
        shop.home = folder / "home"
        done = ran(shop)
    assert done.returncode == 4, done.stderr
    assert "cannot be written: Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_of_a_user_who_may_not_write_is_reported(tmp_path):
    if os.getuid() == 0:
        (tmp_path / "file").touch()
        with pytest.raises(KeeperError, match="Not a directory"):
            check_writable(tmp_path / "file" / "home")
        return
    tmp_path.chmod(0o500)
    with pytest.raises(KeeperError, match="Permission denied"):
        check_writable(tmp_path / "home")


@pytest.mark.parametrize("name", ["run", "job"])
def test_a_store_that_is_no_database_ends_at_once(shop, name):
    (shop.home / "store.db").write_text(
        "no database at all, but long enough to have a header of one hundred bytes\n" * 9
    )
    began = time.monotonic()
    done = ran(shop, *(["run"] if name == "run" else ["job", "ingest.receipts"]))
    assert time.monotonic() - began < 20
    assert done.returncode == 4, done.stderr
    assert "file is not a database" in done.stderr


def test_a_store_in_a_folder_that_is_a_file_is_reported(shop, tmp_path):
    (tmp_path / "file").touch()
    shop.declare("base.yml", (shop.conf / "base.yml").read_text() + "store: env:STORE_URL\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORE_URL", f"sqlite:///{tmp_path / 'file' / 'store.db'}")
        with pytest.raises(KeeperError, match=r"folder .* cannot be made: (File exists|Not a directory)"):
            preflight.check(shop.context(SECOND))


def test_a_store_that_does_not_answer_may_answer_later(shop):
    shop.declare("base.yml", (shop.conf / "base.yml").read_text() + "store: env:STORE_URL\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORE_URL", "postgresql+psycopg://nobody@127.0.0.1:9/none")
        with pytest.raises((RetryableError, ConfigError), match=r"did not answer|driver is missing"):
            preflight.check(shop.context(SECOND))


def test_facts_without_their_key_stop(shop):
    (shop.home / "person.key").unlink()
    versions = shop.versions()
    with pytest.raises(ConfigError, match=r"person.key is missing"):
        preflight.check(shop.context(SECOND))
    assert (shop.versions(), (shop.home / "person.key").exists()) == (versions, False)
    with pytest.raises(ConfigError, match=r"person.key is missing"):
        shop.ingest("receipts", SECOND)
    assert shop.versions()["silver/orders"] == versions["silver/orders"]


@pytest.mark.parametrize("by", ["file", "reference"])
def test_another_key_than_that_of_the_facts_stops(shop, by, monkeypatch):
    preflight.check(shop.context(SECOND))
    assert len(homes.recorded_home(shop.settings).key) == 16
    if by == "file":
        (shop.home / "person.key").write_text("b" * 64)
    else:
        shop.declare("base.yml", (shop.conf / "base.yml").read_text() + "keys: {person: 'env:PERSON_KEY'}\n")
        monkeypatch.setenv("PERSON_KEY", "b" * 64)
    with pytest.raises(ConfigError, match="the person key is not the one"):
        preflight.check(shop.context(SECOND))
    done = ran(shop)
    assert done.returncode == 2
    assert "another person_key" in done.stderr


def test_the_same_key_from_another_place_is_accepted(shop, monkeypatch):
    preflight.check(shop.context(SECOND))
    shop.declare("base.yml", (shop.conf / "base.yml").read_text() + "keys: {person: 'env:PERSON_KEY'}\n")
    monkeypatch.setenv("PERSON_KEY", (shop.home / "person.key").read_text())
    (shop.home / "person.key").unlink()
    preflight.check(shop.context(SECOND))


def test_an_old_home_records_the_fingerprint_of_its_key_once(shop):
    path = homes.note_path(shop.settings)
    note = json.loads(path.read_text())
    path.write_text(json.dumps({name: note[name] for name in ("name", "path", "machine", "identity")}))
    preflight.check(shop.context(SECOND))
    before = homes.recorded_home(shop.settings)
    assert before.key
    assert "a" * 64 not in path.read_text()
    homes.record_home(shop.settings)
    assert homes.recorded_home(shop.settings) == before


def test_a_home_without_facts_may_take_another_key(tmp_path):
    shop = Retailer(tmp_path)
    with home_lock(shop.settings):
        homes.check_key(shop.settings)
    (shop.home / "person.key").write_text("c" * 64)
    homes.check_key(shop.settings)
    shop.close()


def test_a_task_of_airflow_checks_too(shop, monkeypatch):
    for name, path in {"QUANYU_CONF": shop.conf, "QUANYU_HOME": shop.home}.items():
        monkeypatch.setenv(name, str(path))
    preflight.check(shop.context(SECOND))
    Path(shop.home / "lake" / "gold" / "memberships_customer").rename(shop.home / "away")
    try:
        from datetime import date

        with pytest.raises(KeeperError, match="gold/memberships_customer: the table is missing"):
            tasks.perform("ingest.receipts", date.fromisoformat(SECOND), "by the clock", sends=False)
    finally:
        tasks.close()

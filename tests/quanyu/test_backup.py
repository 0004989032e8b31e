"""Backup and restore of a home; messages that may have been sent since are not sent again."""

import json
import sqlite3

import pytest
import typer
from shop import Retailer, template
from small_day import FIRST, SECOND, lived
from typer.testing import CliRunner

from ml.lifecycle.registry import Registry
from quanyu.commands import backup as backup_commands
from quanyu.commands import home as commands
from quanyu.errors import ConfigError, KeeperError
from quanyu.home import home_name as homes
from quanyu.home.backup import MANIFEST, back_up, read_manifest, restore
from quanyu.run import preflight

ORDERS = "lake/silver/orders"


def commanded(shop, *words):
    """Run a command on a home, and return its output."""
    app = typer.Typer()
    for module in (backup_commands, commands):
        module.add(app)
    command = CliRunner().invoke(app, [*map(str, words), "--conf", str(shop.conf), "--home", str(shop.home)])
    assert command.exit_code == 0, command.output
    return " ".join(command.output.split())


@pytest.fixture
def shop(tmp_path):
    """The small retailer before its second day."""
    copy = Retailer.at(template("small_day", lived) / "0").copy(tmp_path / "shop")
    yield copy
    copy.close()


@pytest.fixture
def empty(shop, tmp_path):
    """The same declarations over an empty home."""
    other = Retailer.at(tmp_path / "other")
    other.home.mkdir(parents=True)
    other.conf = shop.conf
    (other.home / "landing").symlink_to(shop.home / "landing")
    yield other
    other.close()


def test_a_restored_home_holds_what_the_home_held_for_its_owner_alone(shop, empty, tmp_path):
    manifest = back_up(shop.settings, tmp_path / "kept")
    assert (manifest.last_day, manifest.home) == (FIRST, "quanyu")
    files = [tmp_path / "kept", *(tmp_path / "kept").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in files if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in files if path.is_dir()} == {0o700}
    assert {"lake", "store.db", "person.key", "home.json", "mlflow.db"} <= {path.name for path in files}
    restore(empty.settings, tmp_path / "kept")
    assert {place: empty.steady(place) for place in empty.versions()} == {
        place: shop.steady(place) for place in shop.versions()
    }
    assert (empty.home / "person.key").read_bytes() == (shop.home / "person.key").read_bytes()
    assert homes.recorded_home(empty.settings).identity == homes.recorded_home(shop.settings).identity


@pytest.mark.long
def test_a_restored_home_sends_nothing_until_it_is_accepted_and_nothing_twice_then(shop, empty, tmp_path):
    back_up(shop.settings, tmp_path / "kept")
    # Messages that were sent after the backup.
    shop.run(SECOND)
    sent = {row[0] for row in shop.rows("gold/deliveries", "key", "status") if row[1] == "sent"}
    assert sent
    restore(empty.settings, tmp_path / "kept")
    before = {row[0] for row in empty.rows("gold/deliveries", "key", "status") if row[1] == "sent"}
    assert sent - before, "nothing went out since the backup"
    context = empty.context(SECOND)
    preflight.check(context)
    outcomes = empty.run(SECOND)
    assert "restored from a backup" in outcomes["send"].notes[0]
    assert any("nothing is exported: this home was restored" in note for note in outcomes["export.buyers.drop"].notes)
    assert not (empty.home / "outbox").exists()
    assert f"due until {SECOND}" in commanded(empty, "home", "accept", "--sent-until", SECOND)
    empty.run(SECOND)
    status = dict(empty.rows("gold/deliveries", "key", "status"))
    assert {status[key] for key in sent - before} == {"unknown"}
    assert not list((empty.home / "outbox").rglob("*.eml"))


@pytest.mark.long
def test_messages_due_after_the_doubted_day_are_sent(shop, empty, tmp_path):
    back_up(shop.settings, tmp_path / "kept")
    restore(empty.settings, tmp_path / "kept")
    commanded(empty, "home", "accept", "--sent-until", FIRST)
    empty.run(SECOND)
    assert list((empty.home / "outbox").rglob("*.eml"))


def test_the_models_of_a_restored_home_are_its_own(shop, empty, tmp_path):
    back_up(shop.settings, tmp_path / "kept")
    restore(empty.settings, tmp_path / "kept")
    with sqlite3.connect(empty.home / "mlflow.db") as registry:
        places = [row[0] for row in registry.execute("select artifact_uri from runs")]
    assert places and all(place.startswith("mlflow-artifacts:/") for place in places), "named relative to the home"
    assert Registry.of(empty.settings).champion("churn") is not None


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda backup, empty: (backup / MANIFEST).unlink(), "no backup, or one that was not finished"),
        (lambda backup, empty: max((backup / ORDERS).glob("_delta_log/*.json")).unlink(), r"version \d+ was written"),
        (lambda backup, empty: next((backup / ORDERS).rglob("*.parquet")).unlink(), "silver/orders: 1 of . data files"),
        (lambda backup, empty: (empty.home / "store.db").touch(), r"not empty \(store.db\)"),
        (lambda backup, empty: (backup / MANIFEST).write_text("{"), "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_backup_or_no_empty_home_is_refused(shop, empty, tmp_path, spoil, words):
    backup = tmp_path / "kept"
    back_up(shop.settings, backup)
    spoil(backup, empty)
    with pytest.raises(ConfigError, match=words):
        restore(empty.settings, backup)
    assert not (empty.home / "lake").exists()


def test_a_backup_of_another_home_is_refused(shop, empty, tmp_path):
    back_up(shop.settings, tmp_path / "kept")
    empty.declare("base.yml", (empty.conf / "base.yml").read_text() + "name: berlin\n")
    with pytest.raises(ConfigError, match="of the home 'quanyu'"):
        restore(empty.settings, tmp_path / "kept")


def test_a_backup_is_neither_within_the_home_nor_over_another(shop, tmp_path):
    with pytest.raises(ConfigError, match="inside of the home"):
        back_up(shop.settings, shop.home / "kept")
    (tmp_path / "kept").mkdir()
    with pytest.raises(ConfigError, match="is there already"):
        back_up(shop.settings, tmp_path / "kept")


def test_an_external_store_is_refused_and_left_out_on_request(shop, tmp_path):
    (shop.home / "store.db").rename(tmp_path / "elsewhere.db")
    shop.declare("base.yml", (shop.conf / "base.yml").read_text() + "store: env:STORE_URL\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
        with pytest.raises(ConfigError, match="pg_dump"):
            back_up(shop.settings, tmp_path / "kept")
        assert not back_up(shop.settings, tmp_path / "kept", without_store=True).store
    assert not (tmp_path / "kept" / "store.db").exists()


def test_a_home_that_has_lost_a_table_is_not_backed_up(shop, tmp_path):
    back_up(shop.settings, tmp_path / "kept")
    (shop.home / "lake" / "gold" / "memberships_customer").rename(tmp_path / "away")
    with pytest.raises(KeeperError, match="gold/memberships_customer: the table is missing"):
        back_up(shop.settings, tmp_path / "kept_again")
    assert read_manifest(tmp_path / "kept").last_day == FIRST
    assert not (tmp_path / "kept_again").exists()


def test_the_commands_say_what_was_copied_and_what_to_do_next(shop, empty, tmp_path):
    assert f"last day run: {FIRST}" in commanded(shop, "backup", tmp_path / "kept")
    assert "quanyu home accept" in commanded(empty, "restore", tmp_path / "kept")
    assert json.loads((empty.home / "home.json").read_text())["restored"]
    assert "restored from a backup" in commanded(empty, "home", "show")

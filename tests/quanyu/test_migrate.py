"""A home of an earlier form is refused, and goes on after `quanyu migrate` as if it had always had today's form."""

from __future__ import annotations

import json
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from command_line import quanyu
from shop import Retailer, template
from small_day import BUYERS, FIRST, SECOND, STEPS, lived

from quanyu.errors import KeeperError
from quanyu.home.backup import back_up, restore
from quanyu.home.doctor import check
from quanyu.home.migration import migrate
from quanyu.run import preflight
from quanyu.run.day import run_job
from quanyu.run.planning.plan import plan

pytestmark = pytest.mark.long
STEP, OLD_STEP = "memberships.customer", "memberships"
PLACE, OLD_PLACE = "gold/memberships_customer", "gold/memberships"
ADVICE = (
    "this home is of an earlier form (the table gold/memberships is gold/memberships_customer now): run"
    " `quanyu migrate`"
)


class KilledError(BaseException):
    """Represents the end of the process: no error handling catches it."""


@pytest.fixture(scope="module")
def today(tmp_path_factory):
    """A home whose second day has run up to memberships; half of the buyers of the first day are held out."""
    shop = Retailer.at(template("small_day", lived) / "0").copy(tmp_path_factory.mktemp("today") / "shop")
    shop.declare("audiences/buyers.yml", BUYERS + "holdout: 50 %\n")
    preflight.check(shop.context(FIRST))
    shop.run(FIRST, STEP)
    shop.run(SECOND, *STEPS[: STEPS.index(STEP)])
    assert {row[-1] for row in shop.rows(PLACE)} == {True, False}
    shop.close()
    return shop


@pytest.fixture
def shop(today, tmp_path):
    """The home in the form that it had before memberships had a table per entity."""
    copy = today.copy(tmp_path / "shop")
    put_into_old_form(copy)
    yield copy
    copy.close()


def put_into_old_form(shop):
    store, folder = shop.context(FIRST).store, shop.home / "lake" / PLACE
    for file in (folder / "_delta_log").glob("*.json"):
        file.write_text(file.read_text().replace(STEP, OLD_STEP).replace("memberships_customer", "memberships"))
    folder.rename(shop.home / "lake" / OLD_PLACE)
    store.tables.rename(PLACE, OLD_PLACE)
    record = json.loads(json.dumps(store.unchanged_runs.load(STEP)).replace(PLACE, OLD_PLACE))
    store.unchanged_runs.save(OLD_STEP, "", record)
    store.unchanged_runs.delete(STEP)
    shop.close()


def command(shop, *words):
    return quanyu(*words, "--conf", str(shop.conf), "--home", str(shop.home))


def state(shop):
    """The tables, and what the store notes of memberships."""
    context = shop.context(SECOND)
    noted = {place: (one.table_id, one.version) for place, one in context.store.tables.all().items()}
    return shop.versions(), noted, context.store.unchanged_runs.load(STEP), context.store.unchanged_runs.load(OLD_STEP)


def test_a_run_of_a_home_of_the_earlier_form_is_refused_and_says_what_to_do(shop):
    before = shop.rows(OLD_PLACE)
    for words in (("run", "--day", SECOND), ("job", STEP, "--day", SECOND)):
        refused = command(shop, *words)
        assert refused.returncode == KeeperError.exit_code, refused.stderr
        assert " ".join(refused.stderr.split()) == f"KeeperError {ADVICE}"
    assert plan(shop.settings, date.fromisoformat(SECOND)).stops == ADVICE
    assert [finding.observed for finding in check(shop.settings) if not finding.ok and "form" in finding.name] == [
        ADVICE
    ]
    assert shop.rows(OLD_PLACE) == before


def test_a_migrated_home_goes_on_as_one_that_always_had_the_form(shop, today, tmp_path):
    before = state(shop)
    tried = command(shop, "migrate", "--dry-run")
    assert tried.stdout == "would be changed: the table gold/memberships is gold/memberships_customer now\n"
    assert state(shop) == before
    assert command(shop, "migrate").stdout == "changed: the table gold/memberships is gold/memberships_customer now\n"
    assert "nothing to do" in command(shop, "migrate").stdout

    other = today.copy(tmp_path / "other")
    assert state(shop) == state(other)
    assert shop.rows(PLACE) == other.rows(PLACE)
    for home in (shop, other):
        preflight.check(home.context(SECOND))
        home.run(SECOND, STEP)
    assert shop.rows(PLACE) == other.rows(PLACE)
    assert {row[-1] for row in shop.rows(PLACE)} == {True, False}
    assert {row[2] for row in shop.rows(PLACE)} == {date.fromisoformat(FIRST), date.fromisoformat(SECOND)}
    # Its history is there, and it does not go back.
    assert shop.context(SECOND).lake.version_of_day(PLACE, date.fromisoformat(FIRST)) is not None
    [note] = shop.run("2024-06-30", STEP)[STEP].notes
    assert note == f"only goes forward: it stands at {SECOND}"


class Moments:
    """Counts the moments around changes to lake and store, and ends the process at a chosen one."""

    def __init__(self):
        self.passed, self.fatal = 0, None

    def reached(self):
        self.passed += 1
        if self.passed == self.fatal:
            raise KilledError

    def commit(self, connection):
        if connection.get_execution_options().get("writes"):
            self.reached()

    def killed(self, run, fatal):
        """Run, and return whether the chosen moment ended it."""
        self.passed, self.fatal = 0, fatal
        try:
            run()
        except KilledError:
            return True
        finally:
            self.fatal = None
        return False


@pytest.fixture
def moments(monkeypatch):
    counted, rename = Moments(), Path.rename

    def renamed(path, target):
        counted.reached()
        moved = rename(path, target)
        counted.reached()
        return moved

    monkeypatch.setattr(Path, "rename", renamed)
    sa.event.listen(sa.Engine, "commit", counted.commit)
    yield counted
    sa.event.remove(sa.Engine, "commit", counted.commit)


def test_a_migration_that_was_killed_at_any_moment_goes_on_where_it_was(shop, today, tmp_path, moments):
    wanted = state(today.copy(tmp_path / "wanted"))
    for fatal in count(1):
        home = shop.copy(tmp_path / str(fatal))
        if not moments.killed(partial(migrate, home.settings), fatal):
            break
        context = home.context(SECOND)
        # Whatever remains to be done, nothing runs before it is.
        with pytest.raises(KeeperError, match="this home is of an earlier form"):
            preflight.check(context)
        migrate(home.settings)
        assert state(home) == wanted, fatal
        home.close()
    # Before and after the folder is renamed, and before each of the three commits that rename what the store notes.
    assert fatal > 5


def test_a_backup_of_the_earlier_form_is_refused_when_it_was_restored(shop, tmp_path):
    back_up(shop.settings, tmp_path / "backup")
    fresh = shop.settings.model_copy(update={"home": tmp_path / "fresh"})
    restore(fresh, tmp_path / "backup")
    with pytest.raises(KeeperError, match="this home is of an earlier form"):
        run_job(fresh, STEP, date.fromisoformat(SECOND), False, 0, print)
    assert migrate(fresh) == ["the table gold/memberships is gold/memberships_customer now"]
    run_job(fresh, STEP, date.fromisoformat(SECOND), False, 0, print)


def test_a_home_that_is_half_migrated_is_not_backed_up(shop, tmp_path):
    (shop.home / "lake" / OLD_PLACE).rename(shop.home / "lake" / PLACE)
    with pytest.raises(KeeperError, match="this home is of an earlier form"):
        back_up(shop.settings, tmp_path / "backup")


def test_two_forms_in_one_home_are_left_to_a_person(shop):
    (shop.home / "lake" / PLACE).mkdir()
    with pytest.raises(KeeperError, match=r"are both in .*Restore the home from its last backup, or move the folder"):
        migrate(shop.settings)


def test_a_table_that_was_lost_before_is_told_by_its_new_name(shop):
    (shop.home / "lake" / OLD_PLACE).rename(shop.home / "away")
    migrate(shop.settings)
    with pytest.raises(KeeperError, match="gold/memberships_customer: the table is missing"):
        preflight.check(shop.context(SECOND))


def test_a_home_that_never_ran_has_nothing_to_migrate(tmp_path):
    fresh = Retailer(tmp_path / "fresh")
    assert migrate(fresh.settings) == []
    assert "nothing to do" in command(fresh, "migrate").stdout

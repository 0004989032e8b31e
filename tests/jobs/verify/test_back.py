"""A home that was run for a day far in the future, restored to the state before it."""

from datetime import date

import pytest
from shop import Retailer, template
from small_day import FIRST, SECOND, lived

from jobs.verify.back import undo_days
from quanyu.errors import ConfigError

pytestmark = pytest.mark.long

FAR, LATER = date(2052, 2, 3), "2024-07-03"
TABLES = ("silver/orders", "silver/people", "silver/consents", "gold/identities", "gold/customers", "gold/value",
          "gold/memberships_customer", "gold/decisions", "gold/journey_instances")  # fmt: skip


def _astray(folder):
    first_day = Retailer.at(template("small_day", lived) / "0")
    first_day.copy(folder / "straight")
    shop = first_day.copy(folder / "shop")
    # Before the files of the second day had been read.
    shop.run(str(FAR))
    shop.run(SECOND)
    shop.close()


@pytest.fixture
def homes(tmp_path):
    shops = [Retailer.at(template("astray", _astray) / name).copy(tmp_path / name) for name in ("shop", "straight")]
    yield shops
    for shop in shops:
        shop.close()


def test_the_days_after_are_as_if_it_had_never_been_run(homes):
    astray, straight = homes
    undone = undo_days(astray.settings, FAR, 0)
    assert (undone.last, undone.files > 0) == (date.fromisoformat(FIRST), True)
    assert {place: astray.rows(place) for place in TABLES} == {place: straight.rows(place) for place in TABLES}
    assert astray.context(SECOND).forward_day("identities") == date.fromisoformat(FIRST)
    for shop in homes:
        shop.run(SECOND)
    for place in TABLES:
        assert len(astray.rows(place)) == len(straight.rows(place)), place
    columns = ("source", "order_id", "recorded_on", "replaced_on", "amount")
    assert astray.rows("silver/orders", *columns) == straight.rows("silver/orders", *columns)
    assert not (astray.home / "back").exists()


def test_sent_messages_are_not_repeated_and_waiting_ones_are_planned_again(homes):
    astray, _ = homes
    outbox = astray.context(SECOND).store.outbox
    before = {message.key: message.status for message in outbox.all()}
    sent = {key for key, status in before.items() if status == "sent"}
    undone = undo_days(astray.settings, FAR, 0)
    assert sent
    assert {message.key for message in outbox.all()} == sent
    assert undone.messages == len(before) - len(sent)
    astray.run(SECOND)
    assert {message.key for message in outbox.all()} >= sent


def test_only_a_day_that_was_run_and_has_not_ended_can_be_undone(homes):
    astray, straight = homes
    with pytest.raises(ConfigError, match="2024-07-02 is over"):
        undo_days(astray.settings, date.fromisoformat(SECOND), 0)
    with pytest.raises(ConfigError, match="2052-02-03 was not run"):
        undo_days(straight.settings, FAR, 0)

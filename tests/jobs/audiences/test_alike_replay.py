"""A lookalike of an earlier day is found again from its fit and the versions of that day, whatever came later."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pytest
from alike_shop import LIKE, MEMBERSHIPS, SEED, day, first_day, inside, numbers, run
from command_line import quanyu
from shop import Retailer

from jobs.audiences import profile
from jobs.audiences import steps as membership_steps
from jobs.audiences.alike import Fit
from jobs.audiences.inquiry.replay import replay
from jobs.audiences.shared_conditions import SharedConditions
from quanyu.errors import QuanyuError
from quanyu.grammar.tags import profile_column
from quanyu.lake.receipt import Receipt
from quanyu.point_in_time.profiles import computed
from quanyu.run.business_days import day_of

NAMES = ("value.orders", "value.average_order", "customer.city", "customer.joined_on", "customer.consents")
RECORDS = ("profile.customer", MEMBERSHIPS, "audience_days")


def few(context, entity, names, *days):
    """Profiles with the names that the audiences need, and all else empty: to compute all views takes a minute."""
    rows = computed(context, entity, NAMES, *days)
    types = {profile_column(name): column.type for name, column in context.catalogue.names(entity).items()}
    others = (name for name in map(profile_column, names) if name not in map(profile_column, NAMES))
    return rows.selectExpr("*", *(f"cast(null as {types[name]}) as `{name}`" for name in others))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Retailer, dict[int, set[int]]]]:
    """Two days, and an eighth on which it is expanded again; other facts came before the later ones. Members by day."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile, "computed", few)
        for module in (profile, membership_steps):
            patch.setattr(module, "lacking", lambda context, entity: {})
        shop = first_day(tmp_path_factory.mktemp("alike") / "shop")
        yield shop, members_by_day(shop)
        shop.close()


def members_by_day(shop: Retailer) -> dict[int, set[int]]:
    # Seeds have members who may not be found: they are compared with as well.
    like = LIKE.replace("value.orders >= 1", "value.average_order < 84")
    shop.declare("audiences/like.yml", like.replace("[anybody, frequent]", "[anybody, frequent, past]"))
    # A seed that has ended has no members, and so brings nobody to compare with.
    shop.declare("audiences/past.yml", SEED.format(who="customer.joined_on is not null") + "ended: 2024-06-01\n")
    run(shop, 1, *RECORDS, "definitions")
    members = {1: inside(shop)}
    leaves, moves = sorted(members[1])[:2]
    text = f"card,city,joined,consent\nM{leaves},Bonn,2024-05-01,withdrawn\nM{moves},Ulm,2024-05-01,granted\n"
    shop.land(f"members/{day(2)}.csv", text)
    run(shop, 2, "ingest.members", "customers", *RECORDS)
    members[2] = inside(shop)
    slips = [f"z{n},M{n},2024-07-07 10:00:00,300.00" for n in range(0, 120, 4)]
    shop.land(f"till/{day(8)}.csv", "\n".join(["slip,card,at,paid", *slips]) + "\n")
    run(shop, 8, "ingest.till", "activity", "features.value", *RECORDS[:2])
    members[8] = inside(shop)
    return members


def test_members_of_each_day_are_found_again_after_later_days_changed_them(lived, monkeypatch):
    shop, members_of_days = lived
    whole = SharedConditions.rule

    def rule(conditions, audience):
        assert audience.name != "past"
        return whole(conditions, audience)

    monkeypatch.setattr(SharedConditions, "rule", rule)
    assert len({frozenset(members) for members in members_of_days.values()}) == 3
    card = numbers(shop)
    for number in (1, 2):
        again, members = replay(shop.settings, "like", day_of(day(number))), members_of_days[number]
        assert again.same and {card[who] for who in again.members["customer_id"].to_pylist()} == members, number
        # A day after the fit is of the versions of both days.
        assert any(pin.endswith(f" of {day(1)}") for pin in again.tables) == (number == 2)
    fits = {str(row["day"]): row["fit"] for row in shop.table("gold/audience_days").to_pylist()
            if row["audience"] == "like"}  # fmt: skip
    fit = json.loads(fits[day(1)])
    assert (fit["seed"], fit["base"], fit["random_state"]) == ("frequent", 199, 0)
    assert fit["threshold"] > 0 and fits[day(2)] == fits[day(1)]


def test_the_seeds_of_a_lookalike_are_shown_with_their_lift(lived):
    shop = lived[0]
    shown = quanyu("audience", "show", "like", "--conf", str(shop.conf), "--home", str(shop.home)).stdout
    assert "frequent (chosen)" in shown and f"tried on {day(1)}" in shown


def test_a_pin_of_the_day_of_the_fit_that_has_expired_is_named(lived, tmp_path):
    shop = lived[0].copy(tmp_path / "copy")
    record = next(row for row in shop.table("gold/audience_days").to_pylist()
                  if (row["audience"], str(row["day"])) == ("like", day(1)))  # fmt: skip
    [pin] = [pin for pin in record["tables"] if pin.startswith("gold/profile_customer@")]
    place, _, version = pin.partition("@")
    for file in shop.context(day(8)).lake.arrow(place, int(version)).files:
        (shop.home / "lake" / place / file).unlink()
    with pytest.raises(QuanyuError, match=rf"a pin of {day(1)} is gone: {place} of version {version} has expired"):
        replay(shop.settings, "like", day_of(day(2)))


def test_other_members_are_said_with_the_learner_that_found_them(lived, tmp_path):
    shop = lived[0].copy(tmp_path / "copy")
    place = "gold/audience_days"
    rows = shop.table(place).to_pylist()
    for row in rows:
        if row["audience"] == "like" and str(row["day"]) == day(1):
            fit = json.loads(row["fit"]) | {"learner": "scikit-learn 0.1", "seed": "anybody"}
            row["fit"] = json.dumps(fit)
    lake, receipt = shop.context(day(8)).lake, Receipt("test", day(8), "test", "", {})
    lake.replace_rows(place, pa.Table.from_pylist(rows, lake.arrow(place).schema), receipt, {"out": len(rows)})
    done = quanyu("audience", "replay", "like", "--day", day(1), "--conf", str(shop.conf), "--home", str(shop.home))
    assert done.returncode == 1
    assert "other members than the" in done.stdout and "found by scikit-learn 0.1, not numpy" in done.stdout


def test_a_day_without_a_fit_says_so_though_its_definition_was_hashed_otherwise(lived, tmp_path):
    shop = lived[0].copy(tmp_path / "copy")
    place = "gold/audience_days"
    rows = [row | {"fit": None, "definition_digest": "older"} for row in shop.table(place).to_pylist()]
    lake, receipt = shop.context(day(8)).lake, Receipt("test", day(8), "test", "", {})
    lake.replace_rows(place, pa.Table.from_pylist(rows, lake.arrow(place).schema), receipt, {"out": len(rows)})
    with pytest.raises(QuanyuError, match="its fit was not kept yet"):
        replay(shop.settings, "like", day_of(day(1)))
    # What an older release remembers of a fit says neither how many might be found nor by which learner.
    assert Fit(day(1), "", "frequent", {}).base is None

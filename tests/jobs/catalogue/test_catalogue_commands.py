"""The commands that show tags, members of a rule, and everything that is known of one entity."""

from __future__ import annotations

import pyarrow.compute as pc
import pytest
from shop import ROOT, Retailer, template
from small_day import FIRST, MOMENTS, SECOND, lived
from typer.testing import CliRunner

from quanyu import cli
from quanyu.errors import ConfigError


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The small shop after its second day."""
    return Retailer.at(template("small_day", lived) / str(len(MOMENTS))).copy(tmp_path_factory.mktemp("shop"))


def ask(shop: Retailer, *words: str, columns: int = 100) -> str:
    """Call a command in this process."""
    if not cli.app.registered_commands or not any(one.name == "customer" for one in cli.app.registered_commands):
        cli.add_commands()
    places = ["--conf", str(shop.conf), "--home", str(shop.home)]
    done = CliRunner().invoke(cli.app, [*words, *places], env={"COLUMNS": str(columns)})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_statistics_are_recorded_of_both_days(shop):
    rows = shop.table("gold/tag_statistics", where=pc.field("tag") == "value.orders").to_pylist()
    profiles = shop.rows("gold/profile_customer", "value__orders")
    by_day = {str(row["day"]): row for row in rows}
    assert set(by_day) == {FIRST, SECOND}
    assert by_day[SECOND]["entities"] == len(profiles)
    assert by_day[SECOND]["mean"] == sum(orders for (orders,) in profiles) / len(profiles)
    assert [row["drift"] for row in rows] == [None, None]


def test_tags_are_listed_with_those_who_have_them(shop):
    shown = " ".join(ask(shop, "tags", "spent").replace("│", " ").split())
    assert "value.spend" in shown and "audience buyers" in shown and "100.0%" in shown and SECOND in shown
    assert "buyers: Customers who bought." in ask(shop, "tags", "customers who bought")
    with pytest.raises(ConfigError, match="nothing has 'xyzzy'"):
        ask(shop, "tags", "xyzzy")
    with pytest.raises(ConfigError, match="there is no scene 'valu'; did you mean 'value'"):
        ask(shop, "tags", "--scene", "valu")


def test_a_tag_is_shown_with_its_definition_distribution_and_inputs(shop):
    shown = ask(shop, "tag", "rfm.segment")
    for words in ("Definition", "champions: rfm.recency >= '4'", "└── value.orders", "of orders, where purchase",
                  f"Distribution on {SECOND}", "█"):  # fmt: skip
        assert words in shown
    assert "journey thanks" in ask(shop, "tag", "churn.score")


def test_what_a_tag_meant_on_a_day_is_shown(shop):
    shown = ask(shop, "tag", "retention.lapsed", "--day", FIRST, "--history")
    assert f"from {FIRST}, still valid" in shown and "when: recency.days_since_order > 180" in shown
    with pytest.raises(ConfigError, match=f"no definition of retention.lapsed is recorded of 2024-06-30; .*{FIRST}"):
        ask(shop, "tag", "retention.lapsed", "--day", "2024-06-30", "--history")


def test_who_had_a_tag_on_a_day_is_shown(shop):
    assert f"as of {FIRST}, computed from facts" in ask(shop, "tag", "retention.lapsed", "--day", FIRST)


def test_a_tag_whose_input_has_changed_says_so_until_a_day_is_run(shop, tmp_path):
    shop = shop.copy(tmp_path)
    asked = ["tag", "rfm.segment"]
    assert "has changed since" not in ask(shop, *asked)
    assert "By its definition of today" not in ask(shop, *asked, "--day", FIRST)
    recency = (ROOT / "conf" / "tags" / "rfm.yml").read_text(encoding="utf-8")
    changed = recency.replace("0, recency.days_since_order, null)", "0, recency.days_since_order + 1, null)")
    assert changed != recency
    shop.declare("tags/rfm.yml", changed)
    page = " ".join(ask(shop, *asked).split())
    assert "by its definition at the last run, which has changed since" in page and "by its definition then" in page
    assert "By its definition of today; for the one of" in ask(shop, *asked, "--day", FIRST)
    assert "has changed since" not in ask(shop, "tag", "value.orders")


def test_members_of_a_rule_are_shown_before_it_is_saved(shop):
    spend = shop.table("gold/profile_customer", "customer_id", "value__spend").to_pylist()
    many = {row["customer_id"] for row in spend if row["value__spend"] and row["value__spend"] > 25}
    shown = ask(shop, "audience", "members", "value.spend > 25")
    assert f"{len(many)} of {len(spend)} customers" in shown and all(one in shown for one in many)
    assert "who: value.spend > 25" in shown and "conf/audiences/NAME.yml" in shown
    assert "orders_30d" in ask(shop, "audience", "members", "buyers")
    assert "1 of 3 outlets" in ask(
        shop, "audience", "members", "exists(array(outlet.city), c -> c like 'Bo%')", "--entity", "outlet"
    )
    assert "2 of 3 outlets" in ask(shop, "audience", "members", "outlet.city = 'Ulm'", "--entity", "outlet")


@pytest.mark.parametrize(
    ("rule", "words"),
    [("buyer", "no audience 'buyer'; did you mean 'buyers'"), ("value.spent > 1", "did you mean 'value.spend'")],
)
def test_a_mistake_in_a_rule_is_explained(shop, rule, words):
    with pytest.raises(ConfigError, match=words):
        ask(shop, "audience", "members", rule)


def test_everything_known_of_a_customer_is_shown_without_identifiers(shop):
    shown = ask(shop, "customer", "13765432104")
    for words in ("value.orders", "rfm.segment", "Newest orders", "20", "Audiences", "buyers", "Messages of journeys",
                  "thanks", "facts by table"):  # fmt: skip
        assert words in shown
    assert "where he stands" in shown and "preference.products" not in shown
    assert "preference.products" in ask(shop, "customer", "13765432104", "--all")
    assert "13765432104" not in shown and "m4@mail.example" not in shown and "Name 4" not in shown


def test_one_page_shows_any_entity(shop):
    assert "Ulm" in ask(shop, "outlet", "2") and "in_ulm" in ask(shop, "outlet", "2")
    assert "Cup" in ask(shop, "product", "cup")
    assert "price_band" not in ask(shop, "product", "A1", "--scene", "product")
    with pytest.raises(ConfigError, match="2 match: 2, 3; name one of them"):
        ask(shop, "outlet", "ulm")
    with pytest.raises(ConfigError, match="no product matches"):
        ask(shop, "product", "nowhere")


@pytest.mark.parametrize("columns", [80, 120])
def test_chinese_columns_align(shop, columns):
    from rich.cells import cell_len

    lines = [line for line in ask(shop, "tags", "流失", columns=columns).splitlines() if line[:1] in "│┃├┏┡└"]
    assert len({cell_len(line.rstrip()) for line in lines}) == 1 and len(lines) > 4


def test_the_pages_of_a_home_have_values_that_occur_and_no_personal_ones(shop):
    # At some time two outlets or more were in each.
    assert "Occur: Bonn, Ulm." in ask(shop, "catalogue", "silver")
    page = ask(shop, "catalogue", "customer")
    assert "| values that occur |" in page and "| 100.0% | median " in page
    assert "Name 4" not in ask(shop, "catalogue", "silver") + page

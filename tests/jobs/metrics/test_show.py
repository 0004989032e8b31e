"""What `quanyu metrics` shows: lists, one metric by day and by member, the tree, and JSON."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from metric_shop import third_of_july
from rich.console import Console
from shop import ROOT, Retailer
from typer.testing import CliRunner

from jobs.metrics import show
from jobs.metrics.history import Past, add_zeros
from jobs.metrics.page import page
from quanyu import discover
from quanyu.cli import add_commands, app
from quanyu.config.settings import read_settings
from quanyu.errors import ConfigError

__all__ = ["third_of_july"]
DAY = date(2024, 7, 3)


@pytest.fixture(scope="module")
def opened(third_of_july):
    context = Retailer.at(third_of_july).context(str(DAY))
    return context.catalogue, context.lake


def text(shown) -> list[str]:
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(shown)
    return console.export_text().splitlines()


def line(lines, word) -> list[str]:
    [row] = [line for line in lines if f" {word} " in line]
    return [cell.strip() for cell in row.strip("│ ").split("│")]


def test_the_list_shows_values_lines_goals_and_why_a_value_lacks(opened):
    lines = text(show.overview(*opened, DAY, parts=False))
    assert line(lines, "till.revenue")[:3] == ["till.revenue", "", "19.90 CNY"]
    assert line(lines, "till.revenue")[4] == "█▁▅"
    assert line(lines, "sales.revenue")[-1] == "↑"
    assert not any(" ads.cost " in row for row in lines)


def test_parts_of_ratios_are_listed_on_demand(opened):
    few, all_of_them = (text(show.overview(*opened, DAY, parts=parts)) for parts in (False, True))
    assert not any(" sales.orders_90d " in row for row in few)
    assert any(" sales.orders_90d " in row for row in all_of_them)
    assert any("that need what no source fills: quanyu metrics --all" in row for row in few)
    # Long lines are folded.
    assert "no source fills ad_results" in " ".join(" ".join(all_of_them).split())


def test_one_metric_shows_its_meaning_and_days(opened):
    lines = text(show.one(*opened, "till.average_order", None, None, 3))
    assert lines[:3] == [
        "till.average_order", "Mean amount of an order, returns taken off.",
        "till.revenue / till.orders, in CNY",
    ]  # fmt: skip
    assert line(lines, "2024-07-01 Mon")[1] == "11.70"
    assert line(lines, "2024-07-02 Tue")[-1] == "the denominator is 0"


def test_by_a_dimension_members_come_from_the_largest_to_the_smallest(opened):
    lines = text(show.one(*opened, "till.revenue", "channel", None, 3))
    members = [row.strip("│ ").split()[0] for row in lines if "store" in row or "online" in row][-2:]
    assert members == ["online", "store"]
    assert line(lines, "store")[1] == "-10.10"


def members_by_day(opened, metric, dimension):
    rows = show.records(*opened, metric, dimension, DAY, 3)
    return {(row["member"], row["day"][5:]): row["value"] for row in rows if row["value"] is not None}


def test_a_member_without_rows_on_a_day_with_a_total_is_0(opened):
    assert members_by_day(opened, "till.revenue", "store") == {
        ("s1", "07-01"): 10.1, ("s1", "07-02"): 0, ("s1", "07-03"): -10.1,
        ("s2", "07-01"): 20, ("s2", "07-02"): 0, ("s2", "07-03"): 0,
        ("unknown", "07-01"): 5, ("unknown", "07-02"): 0, ("unknown", "07-03"): 30,
    }  # fmt: skip
    lines = text(show.one(*opened, "till.orders", "channel", DAY, 3))
    assert line(lines, "store")[1] == "0"


def test_a_ratio_of_a_member_without_rows_is_not_0(opened):
    assert ("online", "07-02") not in members_by_day(opened, "till.average_order", "channel")


def test_zeros_end_eight_weeks_after_the_last_row_and_lack_on_days_whose_members_are_not_known():
    first = date(2024, 1, 1)
    days = [first + timedelta(days=n) for n in range(60)]
    total = Past({day: 5.0 for day in days if day != days[3]})
    members = {"closed": Past({first: 2.0}), "open": Past({day: 5.0 for day in days if day not in days[3:5]})}
    add_zeros(members, total)
    # The third day has no total, and the fourth one a total of too many members.
    zeros = [day for day in days[1:57] if day not in days[3:5]]
    assert members["closed"].values == {first: 2.0, **dict.fromkeys(zeros, 0.0)}
    assert members["open"].values == {day: 5.0 for day in days if day not in days[3:5]}


def test_a_wrong_name_or_dimension_names_the_right_ones(opened):
    with pytest.raises(ConfigError, match=r"did you mean 'till.revenue'"):
        show.one(*opened, "till.revenu", None, None, 3)
    with pytest.raises(ConfigError, match="no dimension 'shop'; allowed: channel, store"):
        show.one(*opened, "till.revenue", "shop", None, 3)


def test_the_command_gives_json_for_programs(third_of_july):
    shop = Retailer.at(third_of_july)
    add_commands()
    line = ["metrics", "till.revenue", "--json", "--by", "channel", "--conf", str(shop.conf), "--home", str(shop.home)]
    rows = json.loads(CliRunner().invoke(app, line).stdout)
    assert [(row["member"], row["day"], row["value"]) for row in rows] == [
        ("online", "2024-07-03", 30.0), ("store", "2024-07-03", -10.1),
    ]  # fmt: skip


def test_the_tree_leads_from_goals_to_metrics(opened):
    lines = text(show.drawn_tree(*opened, DAY))
    positions = [
        next(n for n, row in enumerate(lines) if word in row) for word in ("growth ", "value ", "sales.revenue")
    ]
    assert positions == sorted(positions)
    assert any("sales.revenue" in row and "19.90 ↑" in row for row in lines)


def test_the_page_of_all_metrics_is_current(tmp_path):
    catalogue = discover.load(*read_settings(ROOT / "conf", tmp_path))
    current = (ROOT / "docs" / "metric_catalogue.md").read_text(encoding="utf-8")
    assert current == page(catalogue), "write it anew: quanyu metrics --out docs/metric_catalogue.md"


def test_every_ratio_of_the_house_names_its_source_or_is_a_plain_share(tmp_path):
    catalogue = discover.load(*read_settings(ROOT / "conf", tmp_path))
    metrics = {name: metric for file in catalogue.metrics.values() for name, metric in file.named()}
    assert all(metric.zh for metric in metrics.values())
    groups = [file.group for file in catalogue.metrics.values()]
    assert set(groups) == {"match", "penetration", "value", "social_value", "operations"}

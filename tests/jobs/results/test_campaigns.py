"""Campaign results by interface land as files of the feed, and what a platform corrects replaces what it said."""

from decimal import Decimal

import pytest
from ad_server import ACCOUNT, TOKEN, Kiosk, serving
from shop import ROOT

from jobs.exports import destinations
from quanyu.errors import ConfigError, RejectedError, RetryableError

FIRST, SECOND = "2024-07-03", "2024-07-04"
PLATFORMS = {**destinations.platforms(), "kiosk": Kiosk}
PLACE = "silver/ad_results"
COLUMNS = ("campaign", "audience", "day", "impressions", "cost", "currency", "conversions")


def reported(campaign, day, cost, conversions="1", audience="lapsed", **more):
    base = {"impressions": 100, "clicks": 3, "currency": "CNY", "revenue": "30.00"}
    row = {"campaign": campaign, "day": day, "cost": cost, "conversions": conversions, "audience": audience}
    return {**row, **base, **more}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("KIOSK_TOKEN", TOKEN)
    monkeypatch.setattr(destinations, "platforms", lambda: PLATFORMS)
    monkeypatch.setattr("jobs.exports.http.FIRST_WAIT", 0.01)
    with serving() as server:
        yield server


@pytest.fixture
def shop(retailer, server):
    retailer.declare("sources/ad_results.yml", (ROOT / "conf" / "sources" / "ad_results.yml").read_text())
    retailer.declare("platforms/kiosk_main.yml", ACCOUNT.format(url=server.url))
    return retailer


def rows(shop):
    """What holds now, by campaign, audience and day."""
    stored = shop.table(PLACE, *COLUMNS, "replaced_on").to_pylist()
    return sorted(tuple(str(row[name]) for name in COLUMNS) for row in stored if row["replaced_on"] is None)


def test_results_land_and_are_ingested_in_one_day(shop, server):
    server.rows = [reported("spring", "2024-07-02", "10.05", "0.5"), reported("spring", FIRST, "7.10", audience="")]
    outcomes = shop.run(FIRST, "results.kiosk_main", "ingest.ad_results")
    assert (outcomes["results.kiosk_main"].rows_out, outcomes["ingest.ad_results"].rows_out) == (2, 2)
    assert rows(shop) == [
        ("spring", "everybody", "2024-07-03", "100", "7.10", "CNY", "1.00"),
        ("spring", "lapsed", "2024-07-02", "100", "10.05", "CNY", "0.50"),
    ]
    assert shop.rows(PLACE, "platform", "account")[0] == ("kiosk", "77")
    assert (shop.home / "landing" / "ad_results" / FIRST / "kiosk_main.csv").exists()


def test_the_trailing_days_replace_what_was_reported_and_what_is_gone_is_zero(shop, server):
    server.rows = [reported("spring", "2024-07-02", "10"), reported("autumn", "2024-07-02", "4"),
                   reported("old", "2024-07-01", "8")]  # fmt: skip
    shop.run(FIRST, "results.kiosk_main", "ingest.ad_results")
    server.rows = [reported("spring", "2024-07-02", "11.5", "2"), reported("spring", SECOND, "3")]
    fetched = shop.run(SECOND, "results.kiosk_main", "ingest.ad_results")["results.kiosk_main"]
    assert fetched.notes == ("1 row reported before and no more: set to zero",)
    assert rows(shop) == [
        ("autumn", "lapsed", "2024-07-02", "0", "0.00", "CNY", "0.00"),
        # Beyond the three trailing days, what was reported stands.
        ("old", "lapsed", "2024-07-01", "100", "8.00", "CNY", "1.00"),
        ("spring", "lapsed", "2024-07-02", "100", "11.50", "CNY", "2.00"),
        ("spring", "lapsed", "2024-07-04", "100", "3.00", "CNY", "1.00"),
    ]


def test_ad_groups_of_a_campaign_are_added_up(shop, server):
    server.rows = [reported("spring", FIRST, "1.10"), reported("spring", FIRST, "2.20")]
    shop.run(FIRST, "results.kiosk_main", "ingest.ad_results")
    assert rows(shop) == [("spring", "lapsed", FIRST, "200", "3.30", "CNY", "2.00")]
    server.rows = [reported("spring", SECOND, "1"), reported("spring", SECOND, "1", currency="EUR")]
    with pytest.raises(RejectedError, match="CNY and EUR"):
        shop.run(SECOND, "results.kiosk_main")


def test_a_repeated_or_killed_fetch_makes_the_same_file(shop, server):
    server.rows = [reported("spring", FIRST, "1")]
    folder = shop.home / "landing" / "ad_results" / FIRST
    folder.mkdir(parents=True)
    (folder / ".kiosk_main.csv.fetching-dead").write_text("platform,acc")
    shop.run(FIRST, "results.kiosk_main", "ingest.ad_results")
    before = (folder / "kiosk_main.csv").read_bytes()
    again = shop.run(FIRST, "results.kiosk_main", "ingest.ad_results", force=True)
    assert (folder / "kiosk_main.csv").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["kiosk_main.csv"]
    assert again["ingest.ad_results"].rows_out == 0


def test_a_platform_that_fails_leaves_no_file_and_stops_no_other(shop, server):
    shop.declare("platforms/kiosk_other.yml", ACCOUNT.format(url=server.url).replace('"77"', '"78"'))
    server.rows, server.failures = [reported("spring", FIRST, "1")], [503, 503, 503, 503]
    with pytest.raises(RetryableError, match="kiosk: answered 503"):
        shop.run(FIRST, "results.kiosk_main")
    shop.run(FIRST, "results.kiosk_other", "ingest.ad_results")
    assert {row[0] for row in shop.rows(PLACE, "account")} == {"78"}
    # The next run fetches what failed, and 2 failures are retried within it.
    server.failures = [500, 429]
    shop.run(FIRST, "results.kiosk_main", "ingest.ad_results")
    assert {row[0] for row in shop.rows(PLACE, "account")} == {"77", "78"}


def test_a_wrong_token_names_who_must_act(shop, monkeypatch):
    monkeypatch.setenv("KIOSK_TOKEN", "other")
    with pytest.raises(RejectedError, match="give the account a valid token"):
        shop.run(FIRST, "results.kiosk_main")


def test_files_of_others_land_beside_them_without_a_currency(shop, server):
    head = "platform,account,campaign,audience,day,impressions,clicks,cost,conversions,revenue\n"
    shop.land(f"ad_results/{FIRST}/tmall.csv", head + f"tmall,t1,c,,{FIRST},9,1,2.5,1,3\n")
    server.rows = [reported("spring", FIRST, "1", currency="EUR")]
    shop.run(FIRST, "results.kiosk_main", "ingest.ad_results")
    assert [(row[0], row[4], row[5]) for row in rows(shop)] == [("c", "2.50", "None"), ("spring", "1.00", "EUR")]


def test_a_feed_in_which_results_cannot_land_is_a_mistake(shop):
    text = (ROOT / "conf" / "sources" / "ad_results.yml").read_text()
    shop.declare("sources/ad_results.yml", text.replace("{day}/*.csv", "{day}/results.csv"))
    with pytest.raises(ConfigError, match="without a mark, since fetched results land there"):
        shop.run(FIRST, "results.kiosk_main")


def test_a_campaign_has_the_audience_that_the_account_says(shop, server):
    audience = "describes: d\nowner: o\ngoal: activate\nwho: value.orders > 0\npurpose: ads\n"
    shop.declare("audiences/lapsed.yml", audience)
    account = ACCOUNT.format(url=server.url)
    shop.declare("platforms/kiosk_main.yml", account + "campaigns: {spring: lapsed}\n")
    server.rows = [reported("spring", FIRST, "1", audience=""), reported("autumn", FIRST, "2", audience="")]
    shop.run(FIRST, "results.kiosk_main", "ingest.ad_results")
    assert [row[:2] for row in rows(shop)] == [("autumn", "everybody"), ("spring", "lapsed")]
    shop.declare("platforms/kiosk_main.yml", account + "campaigns: {spring: lapse}\n")
    with pytest.raises(ConfigError, match="unknown audience 'lapse'; did you mean 'lapsed'"):
        shop.run(SECOND, "results.kiosk_main")


def test_amounts_are_exact(shop, server):
    server.rows = [reported("spring", FIRST, "12345678901.23", "0.1", revenue="0.30")]
    shop.run(FIRST, "results.kiosk_main", "ingest.ad_results")
    [(cost, conversions, revenue)] = shop.rows(PLACE, "cost", "conversions", "revenue")
    assert (cost, conversions, revenue) == (Decimal("12345678901.23"), Decimal("0.10"), Decimal("0.30"))

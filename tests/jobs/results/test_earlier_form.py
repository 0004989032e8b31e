"""A home whose campaign results had whole conversions goes on after `quanyu migrate` with all its rows."""

import pytest
from shop import ROOT

from quanyu.errors import KeeperError
from quanyu.grammar.table import Column
from quanyu.home.migration import check_form, migrate
from quanyu.model.touch import AdResults
from quanyu.run import preflight

HEAD = "platform,account,campaign,audience,day,impressions,clicks,cost,conversions,revenue\n"
ROWS = "meta,m1,spring,lapsed,2024-07-01,10,1,2.50,3,9\nmeta,m1,autumn,,2024-07-01,10,1,2.50,1,9\n"
DAY = "2024-07-01"


def test_whole_conversions_are_rebuilt_from_bronze(retailer, monkeypatch):
    retailer.declare("sources/ad_results.yml", (ROOT / "conf" / "sources" / "ad_results.yml").read_text())
    retailer.land(f"ad_results/{DAY}/meta.csv", HEAD + ROWS)
    whole = Column("bigint", "Purchases.", unit="conversions", at_least=0)
    with monkeypatch.context() as earlier:
        earlier.setitem(AdResults.columns, "conversions", whole)
        retailer.ingest("ad_results", DAY)
    assert retailer.rows("silver/ad_results", "conversions") == [(1,), (3,)]
    with pytest.raises(KeeperError, match="may have fractions now"):
        check_form(retailer.context(DAY))
    assert len(migrate(retailer.settings)) == 1 and migrate(retailer.settings) == []
    preflight.check(retailer.context(DAY))
    retailer.ingest("ad_results", DAY)
    assert sorted(str(value) for (value,) in retailer.rows("silver/ad_results", "conversions")) == ["1.00", "3.00"]

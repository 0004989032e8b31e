"""What Spark's logger writes of a failing query: when, which logger and which class of error, and no value of a row."""

import stat

import pytest
from shop import BASE, Retailer
from spark_server import ON_SPARK

from quanyu.engine.guard import guard
from quanyu.engine.spark import SparkEngine
from quanyu.errors import QuanyuError

pytestmark = pytest.mark.spark
ROW = {"display_name": "王女士", "phone": "13812340101", "card": "M-0077"}


def test_a_cast_that_fails_leaves_no_value_on_the_screen_or_in_the_log(tmp_path):
    shop = Retailer(tmp_path, server=tmp_path / "server")
    (tmp_path / "server").mkdir()
    shop.declare("base.yml", BASE + ON_SPARK)
    engine = SparkEngine(shop.settings)
    try:
        session = engine.session()
        rows = session.createDataFrame([tuple(ROW.values())] * 4, list(ROW)).repartition(2)
        for sql in ("cast(display_name as int)", "cast(concat(phone, display_name) as date)", "assert_true(card = '')",
                    "raise_error(concat(display_name, phone))"):  # fmt: skip
            with pytest.raises(QuanyuError) as error, guard("step"):
                rows.selectExpr(f"{sql} as x", "*").collect()
            assert not [value for value in ROW.values() if value in str(error.value)]
    finally:
        engine.stop()
    log = tmp_path / "server" / "server.log"
    text = log.read_text()
    assert " ERROR Executor " in text
    assert not [value for value in ROW.values() if value in text]
    assert stat.S_IMODE(log.stat().st_mode) == 0o600

"""The retail feeds: columns, formats, and agreement with the truth."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq

ERP = {
    "products": "货号,款号,品名,系列,品类代码,季节,尺码,颜色,吊牌价,成本价,上市日期,品牌,风格",
    "stores": "门店编码,门店名称,类型,城市,面积,开业日期,店铺电话",
    "staff": "员工号,姓名,手机,岗位,门店编码,大区,企微账号,入职日期,离职日期",
    "prices": "货号,渠道,价格,生效日期,促销",
    "stock": "日期,仓店编码,货号,数量,在途",
    "purchases": "采购单号,行号,货号,供应商,数量,单价,下单日期,预计到货,实际到货,状态",
    "production": "生产单号,行号,货号,工厂,数量,下单日期,开工日期,完工日期,状态",
}
POS = (
    "receipt_no,line_no,sold_at,store_no,guide,card_no,mobile,item_code,quantity,amount,original_receipt,"
    "discount,promotion,campaign"
)


def lines(path, encoding="utf-8"):
    return path.read_bytes().decode(encoding).splitlines()


def test_the_erp_sends_every_file_each_day_in_gb18030(house):
    for name, header in ERP.items():
        days = sorted((house / f"landing/erp_{name}").iterdir())
        assert len(days) == 205
        headers = [lines(day / f"{name}.csv", "gb18030")[0] for day in days]
        assert headers[0] == headers[-1] == header
        odd = {place for place, text in enumerate(headers) if text != header}
        assert odd == ({120, 121} if name == "products" else set())


def test_category_codes_change_on_day_200(house):
    days = sorted((house / "landing/erp_products").iterdir())
    codes = [{line.split(",")[4] for line in lines(day / "products.csv", "gb18030")[1:]} for day in days[199:201]]
    assert codes == [{"WO", "ME", "SH", "AC", "TX", "HM"}, {"101", "102", "103", "104", "105", "106"}]


def test_erp_orders_pass_through_all_states(house):
    for name, states in (("purchases", {"下单", "在途", "到货"}), ("production", {"排产", "生产中", "完工"})):
        files = (house / f"landing/erp_{name}").rglob("*.csv")
        assert {line.rsplit(",", 1)[1] for path in files for line in lines(path, "gb18030")[1:]} >= states


def test_tills_have_their_columns_and_two_thirds_of_receipts_a_member(house):
    receipts: dict[tuple[str, str], bool] = {}
    for path in (house / "landing/pos").rglob("*.csv"):
        header, *rows = lines(path)
        assert header == POS
        for row in rows:
            fields = row.split(",")
            receipts[fields[3], fields[0]] = bool(fields[5] or fields[6])
    assert 0.6 <= sum(receipts.values()) / len(receipts) <= 0.75


def test_the_late_store_is_three_days_late_without_duplicates(house):
    files = sorted((house / "landing/pos").rglob("S05*.csv"))
    assert files
    assert {path.name == "S05.csv" for path in files} == {False}
    assert len({path.name for path in files}) == len(files)


def test_cards_on_receipts_belong_to_the_persons_in_the_truth(query):
    wrong = query("""
        with cards as (
            select member_no card, person from '{truth}/people.parquet'
            union all select second_member_no, person from '{truth}/people.parquet'
        ), seen as (
            select distinct store_no || '-' || receipt_no as key, card_no
            from read_csv('{landing}/pos/*/*.csv', all_varchar = true, ignore_errors = true, null_padding = true)
            where card_no is not null
        )
        select count(*), count(*) filter (where cards.person is null or cards.person <> records.person)
        from seen join '{truth}/records/*.parquet' records on records.feed = 'pos' and records.key = seen.key
        left join cards on cards.card = seen.card_no""")
    assert wrong[0][0] > 500
    assert wrong[0][1] == 0


def test_each_order_has_one_owner_in_the_truth(query):
    twice = query("""
        select feed, key from '{truth}/records/*.parquet'
        where feed in ('pos', 'shop', 'market', 'events', 'consents') group by all having count(distinct person) > 1""")
    assert twice == []


def test_shop_orders_report_their_states_in_order(house, query):
    states: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((house / "landing/shop").rglob("*.jsonl")):
        for line in lines(path):
            if line.endswith("}"):
                order = json.loads(line)
                states.setdefault(order["tid"], []).append((order["modified"], order["status"]))
    rank = ["WAIT_BUYER_PAY", "WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_CONFIRM_GOODS", "TRADE_FINISHED", "TRADE_CLOSED"]
    for reported in states.values():
        ranks = [rank.index(status) for _, status in sorted(set(reported))]
        assert ranks == sorted(ranks)
    keys = {key for (key,) in query("select key from '{truth}/records/*.parquet' where feed = 'shop'")}
    assert set(states) <= keys


def test_a_tenth_to_a_sixth_of_online_lines_are_refunded(house):
    refunds: dict[str, bool] = {}
    for path in sorted((house / "landing/shop").rglob("*.jsonl"))[:180]:
        for line in lines(path):
            if line.endswith("}"):
                for item in json.loads(line)["orders"]:
                    refunds[item["oid"]] = refunds.get(item["oid"], False) or item["refund_status"] == "SUCCESS"
    assert 0.08 <= sum(refunds.values()) / len(refunds) <= 0.16


def test_mall_purchases_are_pay_events_with_items(house):
    paid = sessions = 0
    for path in sorted((house / "landing/events").rglob("*.jsonl")):
        for line in lines(path):
            if not line.endswith("}"):
                continue
            event = json.loads(line)
            sessions += "Baiduspider" not in event["ua"]
            assert ("items" in event) == ("order_no" in event) == (event["event"] == "pay")
            if event["event"] == "pay":
                paid += 1
                assert round(sum(item["amount"] for item in event["items"]), 2) == event["amount"]
    assert paid > 50
    assert sessions > 10 * paid


def test_members_are_typed_and_sent_when_something_changes(house):
    files = sorted((house / "landing/crm").rglob("*.parquet"))
    schema = pq.read_schema(files[0])
    assert schema.field("points").type == pa.int64()
    assert schema.field("birthday").type == schema.field("joined_on").type == pa.date32()
    assert pa.types.is_timestamp(schema.field("updated_at").type)
    rows = [pq.read_metadata(path).num_rows for path in files]
    assert rows[0] > 10 * max(rows[1:])
    tables = pa.concat_tables([pq.read_table(path) for path in files])
    assert set(tables["tier"].to_pylist()) >= {"普卡", "银卡", "金卡"}
    assert set(tables["gender"].to_pylist()) == {"男", "女", None}

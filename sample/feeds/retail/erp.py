"""The ERP's master data and prices: a full file a day, CSV in GB18030 with Chinese headers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sample.columns.strings import choose, dates, join, money, same, when, whole
from sample.facts import DayFacts
from sample.retailer.places import ROLES
from sample.retailer.style_words import words_text
from sample.retailer.words import BRANDS, CATEGORIES, CITIES, NEW_CODES, OLD_CODES, SEASONS
from sample.trade.pricing import Tags
from sample.world import World
from sample.write import Out

RENAMED_DAY, COMMAS_DAY, CODES_DAY = 120, 121, 200


def products(world: World, facts: DayFacts, out: Out) -> None:
    """Write all SKUs so far; one day a column is renamed, one day every line ends with a comma."""
    a, day = world.assortment, facts.day
    style = a.sku_style[: a.known(day)]
    codes = NEW_CODES if day >= CODES_DAY else OLD_CODES
    price = "标牌价" if day == RENAMED_DAY else "吊牌价"
    columns = {
        "货号": a.code.slice(0, len(style)), "款号": choose(a.style, style), "品名": choose(a.name, style),
        "系列": choose(a.series, style), "品类代码": choose(codes, a.category[style]),
        "季节": choose(SEASONS, a.season[style]), "尺码": a.size.slice(0, len(style)), "颜色": choose(a.colour, style),
        price: money(a.list[style]), "成本价": money(a.cost[style]), "上市日期": dates(a.launch[style], world.start),
        "品牌": choose(BRANDS, a.brand[style]), "风格": words_text(a.style_words[style]),
    }  # fmt: skip
    header = ",".join(columns)
    if day == COMMAS_DAY:
        lines = join(*columns.values(), "", between=",")
        out.lines("products.csv", lines, f"{header},", "gb18030")
    else:
        out.csv("products.csv", pa.table(columns), "gb18030")
    flaws = {
        RENAMED_DAY: ("renamed column", "repaired", "吊牌价 is called 标牌价"),
        COMMAS_DAY: ("trailing commas", "repaired", "every line ends with a comma"),
        CODES_DAY: ("category codes changed", "accepted", "WO ME SH AC TX HM became 101 to 106"),
    }
    if day in flaws:
        out.flaws("products.csv", 0, "", *flaws[day])


def stores(world: World, facts: DayFacts, out: Out) -> None:
    """Write the store master."""
    s = world.stores
    columns = {
        "门店编码": s.no, "门店名称": s.name, "类型": s.kind, "城市": choose(CITIES, s.city),
        "面积": whole(s.area), "开业日期": dates(s.opened, world.start), "店铺电话": s.phone,
    }  # fmt: skip
    out.csv("stores.csv", pa.table(columns), "gb18030")


def staff(world: World, facts: DayFacts, out: Out) -> None:
    """Write everybody hired so far, including those who have left."""
    s = world.staff
    rows = np.flatnonzero(s.hired <= facts.day)
    has_left = s.left[rows] <= facts.day
    texts = {"员工号": s.no, "姓名": s.name, "手机": s.mobile}
    columns = {
        **{name: column.take(pa.array(rows)) for name, column in texts.items()},
        "岗位": choose(ROLES, s.role[rows]), "门店编码": choose(world.stores.no, s.store[rows]),
        "大区": s.region.take(pa.array(rows)), "企微账号": s.wecom.take(pa.array(rows)),
        "入职日期": dates(s.hired[rows], world.start),
        "离职日期": when(has_left, dates(np.where(has_left, s.left[rows], 0), world.start), None),
    }  # fmt: skip
    out.csv("staff.csv", pa.table(columns), "gb18030")


def prices(world: World, facts: DayFacts, out: Out) -> None:
    """Write today's prices by SKU and side (stores, online)."""
    a, live = world.assortment, world.assortment.live(facts.day)
    tags, since = world.pricing.tags(facts.day), world.pricing.since(facts.day)
    sides = np.repeat([0, 1], len(live))
    sku = np.tile(live, 2)
    style = a.sku_style[sku]
    columns = {
        "货号": choose(a.code, sku), "渠道": choose(("store", "online"), sides),
        "价格": money(tags.price[sides, style]), "生效日期": dates(since[sides, style], world.start),
        "促销": _promotion(tags, sides, style),
    }  # fmt: skip
    out.csv("prices.csv", pa.table(columns), "gb18030")


def _promotion(tags: Tags, sides: np.ndarray, style: np.ndarray) -> pa.Array:
    return choose(tags.names, tags.named[sides, style])


def stock(world: World, facts: DayFacts, out: Out) -> None:
    """Write the evening's stock by location and SKU, for SKUs in the location's range."""
    a, supply = world.assortment, world.supply
    live = a.live(facts.day)
    location, column = np.nonzero(supply.carried[:, live] | (supply.stock[:, live] > 0))
    sku = live[column]
    places = pa.concat_arrays([pa.array(["W01"]), world.stores.no.cast(pa.string())])
    columns = {
        "日期": same(str(facts.date), len(sku)), "仓店编码": choose(places, location), "货号": choose(a.code, sku),
        "数量": whole(supply.stock[location, sku]), "在途": whole(supply.transit[location, sku]),
    }  # fmt: skip
    out.csv("stock.csv", pa.table(columns), "gb18030")


def purchases(world: World, facts: DayFacts, out: Out) -> None:
    """Write the purchase orders that are open or were closed within the last week."""
    a, rows = world.assortment, world.supply.lines[world.supply.lines["category"] >= 2]
    cancelled, day = rows["cancelled"], facts.day
    has_arrived = (rows["arrives"] <= day) & ~cancelled
    state = np.where(
        cancelled & (day >= rows["made"] + 3), 3, np.where(has_arrived, 2, np.where(day >= rows["made"] + 6, 1, 0))
    )
    columns = {
        "采购单号": _order_no("PO", world, rows), "行号": whole(rows["line"]), "货号": choose(a.code, rows["sku"]),
        "供应商": join(choose(CATEGORIES, rows["category"]), "供应商", whole(rows["category"] * 3 + rows["made"] % 3)),
        "数量": whole(rows["quantity"]), "单价": money(a.cost[a.sku_style[rows["sku"]]]),
        "下单日期": dates(rows["made"], world.start), "预计到货": dates(rows["due"], world.start),
        "实际到货": when(has_arrived, dates(rows["arrives"], world.start), None),
        "状态": choose(("下单", "在途", "到货", "取消"), state),
    }  # fmt: skip
    out.csv("purchases.csv", pa.table(columns), "gb18030")


def production(world: World, facts: DayFacts, out: Out) -> None:
    """Write the own factories' orders that are open or were closed within the last week."""
    a, rows = world.assortment, world.supply.lines[world.supply.lines["category"] < 2]
    rows, day = rows[~rows["cancelled"]], facts.day
    begins = rows["made"] + 4
    done = rows["arrives"] <= day
    columns = {
        "生产单号": _order_no("MO", world, rows), "行号": whole(rows["line"]), "货号": choose(a.code, rows["sku"]),
        "工厂": choose(("桐乡工厂", "石狮工厂"), rows["category"]), "数量": whole(rows["quantity"]),
        "下单日期": dates(rows["made"], world.start),
        "开工日期": when(begins <= day, dates(begins, world.start), None),
        "完工日期": when(done, dates(rows["arrives"], world.start), None),
        "状态": choose(("排产", "生产中", "完工"), np.where(done, 2, np.where(begins <= day, 1, 0))),
    }  # fmt: skip
    out.csv("production.csv", pa.table(columns), "gb18030")


def _order_no(kind: str, world: World, rows: np.ndarray) -> pa.Array:
    launch = choose(("", "N"), (rows["due"] - rows["made"] > 35).astype(int))
    ordered_on = pa.compute.replace_substring(dates(rows["made"], world.start), "-", "")
    return join(kind, ordered_on, launch, whole(rows["category"] + 1))

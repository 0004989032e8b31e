"""Plots what a landing shows beside the parameters it was generated with: `python -m sample.plots`."""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from sample.retailer.people import SIZE_CURVE
from sample.retailer.words import SIZES
from sample.trade.baskets import MORE_LINES
from sample.trade.calendar import ONLINE_HOURS, STORE_HOURS

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass
class Seen:
    """Sales from receipts and orders, by person and order."""

    times: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    spent: Counter[str] = field(default_factory=Counter)
    orders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    lines: Counter[str] = field(default_factory=Counter)
    items: Counter[str] = field(default_factory=Counter)


def look(landing: Path, truth: Path) -> Seen:
    """Read receipts and shop orders, and find each record's person in the truth."""
    sales, owner = Seen(), _owners(truth)
    for path in sorted((landing / "pos").rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                _receipt(sales, owner, row)
    for path in sorted((landing / "shop").rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.endswith("}"):
                _order(sales, owner, json.loads(line))
    return sales


def _owners(truth: Path) -> dict[tuple[str, str], str]:
    owners: dict[tuple[str, str], str] = {}
    for path in sorted((truth / "records").glob("*.parquet")):
        columns = pq.read_table(path).to_pydict()
        owners |= dict(zip(zip(columns["feed"], columns["key"], strict=True), columns["person"], strict=True))
    return owners


def _receipt(sales: Seen, owner: dict[tuple[str, str], str], row: dict[str, Any]) -> None:
    amount = row["amount"].replace(",", ".")
    if None in row or amount == "N/A" or float(amount) < 0:
        return
    key = f"{row['store_no']}-{row['receipt_no']}"
    _count(sales, owner.get(("pos", key), ""), key, float(amount))
    sales.items[row["item_code"]] += 1
    if row["line_no"] == "1":
        sales.times["stores"].append(datetime.fromisoformat(row["sold_at"]))


def _order(sales: Seen, owner: dict[tuple[str, str], str], order: dict[str, Any]) -> None:
    if order["status"] != "WAIT_SELLER_SEND_GOODS" or order["payment"] == "待定":
        return
    for item in order["orders"]:
        _count(sales, owner.get(("shop", order["tid"]), ""), order["tid"], float(item["payment"]))
        sales.items[item["outer_sku_id"] or ""] += 1
    sales.times["online"].append(datetime.fromisoformat(order["created"]))


def _count(sales: Seen, person: str, key: str, amount: float) -> None:
    sales.lines[key] += 1
    if person:
        sales.spent[person] += round(amount * 100)
        sales.orders[person].add(key)


def draw(sales: Seen, folder: Path) -> None:
    """Write the plots as small PNGs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, plot in {"week": _week, "hours": _hours, "lorenz": _lorenz, "orders": _orders, "baskets": _baskets,
                       "sizes": _sizes}.items():  # fmt: skip
        _figure(folder / f"{name}.png", plot, sales)


def _figure(path: Path, plot: Any, sales: Seen) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(4.6, 2.8), dpi=80)
    plot(axes, sales)
    axes.legend(fontsize=7)
    axes.tick_params(labelsize=7)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def _week(axes: Any, sales: Seen) -> None:
    for place, (name, times) in enumerate(sorted(sales.times.items())):
        shares = np.bincount([time.weekday() for time in times], minlength=7) / len(times)
        axes.bar(np.arange(7) + place * 0.4 - 0.2, shares, 0.38, label=name)
    axes.axhline(1 / 7, color="grey", lw=0.8, label="even")
    axes.set_xticks(range(7), DAYS)
    axes.set_title("share of purchases by weekday", fontsize=8)


def _hours(axes: Any, sales: Seen) -> None:
    for name, shape, colour in (("stores", STORE_HOURS, "tab:orange"), ("online", ONLINE_HOURS, "tab:blue")):
        times = sales.times[name]
        shares = np.bincount([time.hour for time in times], minlength=24) / len(times)
        axes.plot(shares, color=colour, label=name)
        axes.plot(shape / shape.sum(), ":", color=colour, label=f"{name}, as set")
    axes.set_title("share of purchases by hour", fontsize=8)


def _lorenz(axes: Any, sales: Seen) -> None:
    spent = np.sort(np.array(list(sales.spent.values())))[::-1].cumsum() / sum(sales.spent.values())
    axes.plot(np.linspace(0, 1, len(spent)), spent, label="buyers, best first")
    axes.fill_between([0.19, 0.21], 0.55, 0.70, color="tab:green", alpha=0.5, label="aim: 55 to 70 % at 20 %")
    axes.set_title("share of value", fontsize=8)


def _orders(axes: Any, sales: Seen) -> None:
    counts = np.bincount(np.minimum([len(keys) for keys in sales.orders.values()], 30))[1:]
    axes.bar(range(1, len(counts) + 1), counts / counts.sum(), label="buyers")
    axes.axhline(counts[0] / counts.sum(), color="grey", lw=0.8, label="bought once (aim: 20 to 50 %)")
    axes.set_title("orders of a buyer (30: 30 and more)", fontsize=8)


def _baskets(axes: Any, sales: Seen) -> None:
    sizes = np.bincount(np.minimum(list(sales.lines.values()), 8))[1:]
    axes.bar(range(1, len(sizes) + 1), sizes / sizes.sum(), label=f"mean {np.mean(list(sales.lines.values())):.2f}")
    poisson = np.exp(-MORE_LINES) * np.cumprod([1.0, *(MORE_LINES / number for number in range(1, len(sizes)))])
    axes.plot(range(1, len(sizes) + 1), poisson, "k:", label=f"1 + Poisson({MORE_LINES}), before purses differ")
    axes.set_title("lines of a basket", fontsize=8)


def _sizes(axes: Any, sales: Seen) -> None:
    for letter, curve, colour in (("W", SIZE_CURVE[0], "tab:red"), ("M", SIZE_CURVE[1], "tab:blue")):
        sold = np.array([sum(n for code, n in sales.items.items() if code[:1] == letter and code[-2:] == f"{place:02d}")
                         for place in range(1, 9)])  # fmt: skip
        name = {"W": "women", "M": "men"}[letter]
        axes.plot(sold / sold.sum(), color=colour, label=f"{name}, sold")
        axes.plot(curve, ":", color=colour, label=f"{name}, as set")
    axes.set_xticks(range(8), SIZES)
    axes.set_title("size curve", fontsize=8)


def main() -> None:
    """Run the command line: `python -m sample.plots LANDING`."""
    parser = argparse.ArgumentParser(prog="python -m sample.plots", description="Plots the sales in a landing folder.")
    parser.add_argument("landing", type=Path, help="a landing folder with the truth beside it")
    parser.add_argument(
        "--truth", type=Path, help="the folder of the truth (default: `truth` beside the landing folder)"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(""), help="the folder of the PNGs")
    options = parser.parse_args()
    draw(look(options.landing, options.truth or options.landing.parent / "truth"), options.out)


if __name__ == "__main__":
    main()

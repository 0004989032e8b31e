"""BG/NBD and Gamma-Gamma on CDNOW and Online Retail, beside the figures that others published.

`python -m benchmarks.cdnow` prints what is asked for beside what is measured; it ends with an error where that is less.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from ml.buying.bg_nbd import BgNbd, PurchaseHistories
from ml.buying.gamma_gamma import GammaGamma
from ml.buying.next_purchase import PurchaseRhythm, days_until_bought

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quanyu.grammar.task import Floats

DATA = Path(os.environ.get("QUANYU_DATA", "../shared/data"))
CDNOW_CUTOFF, CDNOW_END = date(1997, 9, 30), date(1998, 6, 30)
RETAIL_CUTOFF = date(2011, 9, 10)
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
# Of the 946 customers of the sample who bought again: brucehardie.com/notes/025.
PUBLISHED_VALUES = {"p": 6.25, "q": 3.74, "gamma": 15.44}


@dataclass(frozen=True)
class Summary:
    """Customers who bought until a cutoff, and what they did later; all have shape (customers,).

    `spent` is the mean value of a repeat day, and 0 without one; `gap` the median gap in days, nan without one. `later`
    counts days with a purchase after the cutoff, `next_after` the days until the first, nan without one.
    """

    histories: PurchaseHistories
    spent: Floats
    later: Floats
    later_spent: Floats
    since_last: Floats
    gap: Floats
    next_after: Floats


@dataclass(frozen=True)
class Figure:
    """A figure, with the bound that it must meet."""

    name: str
    asked: str
    measured: float
    met: bool

    @classmethod
    def within(cls, name: str, published: float, measured: float, share: float = 0.01) -> Figure:
        """A figure that must be as published, but for a share of it."""
        near = abs(measured / published - 1) <= share
        return cls(name, f"{published:g} within {share:.0%}", measured, near)

    @classmethod
    def least(cls, name: str, bound: float, measured: float) -> Figure:
        """A figure that must be so much at least."""
        return cls(name, f">= {bound:g}", measured, measured >= bound)

    @classmethod
    def most(cls, name: str, bound: float, measured: float) -> Figure:
        """A figure that must be so much at most."""
        return cls(name, f"<= {bound:g}", measured, measured <= bound)


def cdnow(name: str) -> pd.DataFrame:
    """Purchases of CDNOW, `sample` or `master`: customer, day, amount."""
    rows = pd.read_csv(DATA / "cdnow" / f"CDNOW_{name}.txt", sep=r"\s+", header=None, skiprows=int(name == "master"))
    customer, day, _, amount = (rows[column] for column in rows.columns[-4:])
    return pd.DataFrame({"customer": customer, "day": pd.to_datetime(day.astype(str)), "amount": amount.astype(float)})


def online_retail() -> pd.DataFrame:
    """Purchases of Online Retail, without cancelled ones and unknown customers: customer, day, amount."""
    rows = pd.read_parquet(DATA / "online_retail" / "online_retail.parquet")
    bought = (rows["Quantity"] > 0) & (rows["UnitPrice"] > 0) & ~rows["InvoiceNo"].astype(str).str.startswith("C")
    lines = rows[bought & rows["CustomerID"].notna()]
    day = pd.to_datetime(lines["InvoiceDate"]).dt.normalize()
    amount = lines["Quantity"] * lines["UnitPrice"]
    return pd.DataFrame({"customer": lines["CustomerID"], "day": day, "amount": amount})


def summary(purchases: pd.DataFrame, cutoff: date, end: date) -> Summary:
    """Describe who bought until the cutoff, by days with a purchase, and what they bought from then until the end."""
    days = purchases.groupby(["customer", "day"], as_index=False)["amount"].sum()
    days["first"] = days.groupby("customer")["day"].transform("min")
    known = days["day"] <= pd.Timestamp(cutoff)
    before, after = days[known], days[~known & (days["day"] <= pd.Timestamp(end))].groupby("customer")
    of_customer = before.groupby("customer")["day"]
    first, last = of_customer.min(), of_customer.max()
    repeat = before[before["day"] > before["first"]].groupby("customer")["amount"].mean()
    repeats, age = of_customer.size() - 1.0, (pd.Timestamp(cutoff) - first).dt.days
    since = (last - first).dt.days
    histories = PurchaseHistories(
        repeats.to_numpy("float64"), since.to_numpy("float64"), age.to_numpy("float64"), np.ones(len(first))
    )
    of_all = [
        series.reindex(first.index, fill_value=0.0).to_numpy("float64")
        for series in (repeat, after.size(), after["amount"].sum())
    ]
    gap = of_customer.diff().dt.days.groupby(before["customer"]).median()
    next_after = (after["day"].min() - pd.Timestamp(cutoff)).dt.days.reindex(first.index)
    rest = [series.to_numpy("float64") for series in (age - since, gap, next_after)]
    return Summary(histories, *of_all, *rest)


def fitted(of: Summary) -> BgNbd:
    """BG/NBD on a summary, equal customers together."""
    return BgNbd.fit(PurchaseHistories.of(of.histories.repeats, of.histories.last, of.histories.age))


def sample_figures() -> list[Figure]:
    """Parameters on the sample of CDNOW, in weeks, and of its values."""
    of = summary(cdnow("sample"), CDNOW_CUTOFF, CDNOW_END)
    rates = fitted(of).rates
    rates["alpha"] /= 7
    again = of.histories.repeats > 0
    values = GammaGamma.fit(of.histories.repeats[again], of.spent[again]).values
    figures = [Figure.within(f"CDNOW sample, BG/NBD {name}", PUBLISHED[name], rates[name]) for name in PUBLISHED]
    return figures + [
        Figure.within(f"CDNOW sample, Gamma-Gamma {name}", PUBLISHED_VALUES[name], values[name])
        for name in PUBLISHED_VALUES
    ]


def master_figures() -> list[Figure]:
    """Purchases and value of all customers of CDNOW in the 39 weeks after the fit, beside the past rate."""
    of = summary(cdnow("master"), CDNOW_CUTOFF, CDNOW_END)
    horizon = (CDNOW_END - CDNOW_CUTOFF).days
    purchases, again = fitted(of).expected_purchases(of.histories, horizon), of.histories.repeats > 0
    rate = of.histories.repeats / of.histories.age * horizon
    # Some repeat days brought nothing: free orders say nothing about the value of the others.
    paid = again & (of.spent > 0)
    values = GammaGamma.fit(of.histories.repeats[paid], of.spent[paid])
    value = purchases * values.mean_value(np.where(paid, of.histories.repeats, 0.0), of.spent)
    return [
        Figure.least("CDNOW master, correlation of purchases", 0.668, correlation(purchases, of.later)),
        Figure.most("CDNOW master, MAE of purchases", 0.820, float(abs(purchases - of.later).mean())),
        Figure.most("CDNOW master, MAE below that of the past rate", 0, float(
            abs(purchases - of.later).mean() - abs(rate - of.later).mean())),
        Figure.least("CDNOW master, correlation above that of the past rate", 0, correlation(purchases, of.later)
                     - correlation(rate, of.later)),
        Figure.within("CDNOW master, purchases foretold / came", 1, purchases.sum() / of.later.sum(), 0.25),
        Figure.within("CDNOW master, value foretold / came", 1, value.sum() / of.later_spent.sum(), 0.25),
        Figure.least("CDNOW master, correlation of value", round(correlation(rate * of.spent, of.later_spent), 4),
                     correlation(value, of.later_spent)),
    ]  # fmt: skip


def retail_figures() -> list[Figure]:
    """AUC of BG/NBD and of recency for no purchase in 90 days on Online Retail, fitted on the past of the cutoff."""
    of = summary(online_retail(), RETAIL_CUTOFF, RETAIL_CUTOFF + timedelta(days=90))
    left = of.later == 0
    model = BgNbd.fit(of.histories)
    aucs = {name: float(roc_auc_score(left, scores)) for name, scores in {
        "recency": of.since_last,
        "purchases": -model.expected_purchases(of.histories, 90),
        "none": model.probability_of_none(of.histories, 90),
        "gone": 1 - model.probability_alive(of.histories),
    }.items()}  # fmt: skip
    return [
        Figure.within("Online Retail, AUC of recency", 0.683, aucs["recency"]),
        Figure.within("Online Retail, AUC of expected purchases", 0.729, aucs["purchases"]),
        Figure.least("Online Retail, AUC of the probability of no purchase", 0.729, aucs["none"]),
        # Of those who bought once BG/NBD says that they still buy, and here the fit finds nobody who leaves.
        Figure.most("Online Retail, AUC of 1 - P(alive)", round(aucs["none"], 4), aucs["gone"]),
    ]


def next_purchase_figures() -> list[Figure]:
    """When the next purchase comes, beside the customer's own median gap (that of all, where he has none).

    Of those who came: the median error in days by their rhythm. Of all: the mean error by BG/NBD, with nobody foretold
    or counted later than the horizon.
    """
    figures = []
    for name, purchases, cutoff, end in (
        ("CDNOW master", cdnow("master"), CDNOW_CUTOFF, CDNOW_END),
        ("Online Retail", online_retail(), RETAIL_CUTOFF, RETAIL_CUTOFF + timedelta(days=90)),
    ):
        of, horizon = summary(purchases, cutoff, end), (end - cutoff).days
        own = np.maximum(np.where(of.histories.repeats > 0, of.gap, np.nanmedian(of.gap)) - of.since_last, 1.0)
        rhythm = PurchaseRhythm.fit(of.histories.repeats, of.gap)
        by_rhythm = rhythm.days_until(of.histories.repeats, of.gap, of.since_last)
        by_rates = days_until_bought(fitted(of), of.histories)
        came, next_after = of.later > 0, np.where(of.later > 0, of.next_after, horizon)

        def error(days: Floats, came: NDArray[np.bool_] = came, truth: Floats = next_after) -> float:
            return float(np.median(abs(days - truth)[came]))

        def capped(days: Floats, truth: Floats = next_after, horizon: int = horizon) -> float:
            return float(abs(np.minimum(days, horizon) - truth).mean())

        figures += [
            Figure.most(f"{name}, next purchase of who came, median error", round(error(own), 2), error(by_rhythm)),
            Figure.most(f"{name}, next purchase of all, mean error", round(capped(own), 2), capped(by_rates)),
            Figure.most(f"{name}, the same beside nobody comes", round(capped(np.full(len(came), float(horizon))), 2),
                        capped(by_rates)),
        ]  # fmt: skip
    return figures


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's correlation of two arrays of shape (rows,)."""
    return float(np.corrcoef(one, other)[0, 1])


def main() -> None:
    """Print the figures; end with an error where one is not met."""
    figures = [*sample_figures(), *master_figures(), *retail_figures(), *next_purchase_figures()]
    print(f"{'what':58} {'asked for':>18} {'measured':>10}")
    for figure in figures:
        print(f"{figure.name:58} {figure.asked:>18} {figure.measured:10.4f}{'' if figure.met else '  NOT MET'}")
    if not all(figure.met for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Writes the size that fits each customer by category, and measures such fits on later purchases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ml.baskets.facts import SizeFacts
from ml.baskets.purchases import Coded, lines
from ml.baskets.sizes import AlikeSizes, OwnSizes
from ml.baskets.writing import write_rows
from quanyu.lake.receipt import Receipt
from quanyu.model.next_items import SizeFits
from quanyu.run.runner import Context, Outcome

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from quanyu.grammar.task import Floats

    Ints = NDArray[np.int64]

JUDGED_DAYS = 90
BASES = ("own", "alike")
# What joins category and size: no text of a file has it.
BETWEEN = "\x1f"
COLUMNS = {
    "customer": "customer_id", "source": "source", "order_id": "order_id", "line": "line",
    "day": "to_date(ordered_at)", "quantity": "quantity", "bought": "purchase",
    "size": f"concat(products.category, '{BETWEEN}', products.size)",
}  # fmt: skip
WHERE = "status = 'paid' and kind in ('sale', 'return') and products.category is not null and products.size is not null"


@dataclass(frozen=True)
class FittingSizes:
    """Fits of customers: places of customer and of category and size, their share, and whether they are his own."""

    customer: Ints
    size: Ints
    share: Floats
    own: NDArray[np.bool_]


def write_sizes(context: Context, receipt: Receipt) -> Outcome:
    """Write the fits of the day, and say how those of a quarter ago came true."""
    bought = lines(context, COLUMNS, WHERE)
    rows, facts = fitted(bought, context.day)
    written = write_rows(context, SizeFits, rows, receipt)
    notes = (_note(facts, context.day - timedelta(days=JUDGED_DAYS)), _alike(rows))
    return Outcome(len(bought), written.changed, 0, written.unchanged, notes=notes, facts=facts)


def fitted(bought: pa.Table, day: date) -> tuple[pa.Table, SizeFacts]:
    """Rows of SizeFits, and how fits of a quarter ago came true.

    `bought` has a row for each line of a purchase or return, with the columns of COLUMNS.
    """
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    customer, both = Coded.of(bought["customer"]), Coded.of(bought["size"])
    texts = pc.split_pattern(both.values, BETWEEN)
    category = Coded.of(pa.chunked_array([pc.list_element(texts, 0)], pa.string()))
    frame = pd.DataFrame({
        "customer": customer.codes, "size": both.codes, "day": bought["day"].to_numpy(),
        "pieces": pc.fill_null(bought["quantity"], 0).to_numpy(), "bought": bought["bought"].to_numpy(),
    })  # fmt: skip
    # What has one size fits all.
    several = np.bincount(category.codes, minlength=1)[category.codes] > 1
    frame = frame[several[both.codes]]
    many = len(customer.values)
    fits = _fits(OwnSizes.of(_pieces(frame), category.codes, many))
    rows = pa.table({
        "customer_id": customer.values.take(pa.array(fits.customer)),
        "category": category.values.take(pa.array(category.codes[fits.size])),
        "size": pc.list_element(texts, 1).take(pa.array(fits.size)),
        "share": pa.array(fits.share),
        "basis": pa.array(BASES).take(pa.array((~fits.own).astype("int64"))),
        "as_of": pa.repeat(pa.scalar(day), len(fits.size)),
    })  # fmt: skip
    return rows, came_true(frame, category.codes, many, day - timedelta(days=JUDGED_DAYS))


def came_true(frame: pd.DataFrame, category_of: Ints, many: int, cutoff: date) -> SizeFacts:
    """Purchases after a day whose size was that of the fit of that day, and that which most customers have.

    `frame` has columns customer, size, day, pieces and bought.
    """
    import numpy as np

    at = np.datetime64(cutoff)
    own = OwnSizes.of(_pieces(frame[frame["day"] <= at]), category_of, many)
    fits = _fits(own)
    width = len(own.usual)
    pairs = fits.customer * width + category_of[fits.size]
    order = np.argsort(pairs, kind="stable")
    pairs, sizes, is_own = pairs[order], fits.size[order], fits.own[order]
    later = frame[(frame["day"] > at) & frame["bought"]]
    size = later["size"].to_numpy("int64")
    wanted = later["customer"].to_numpy("int64") * width + category_of[size]
    place = np.minimum(np.searchsorted(pairs, wanted), max(len(pairs) - 1, 0))
    fitted_before = (pairs[place] == wanted) if len(pairs) else np.zeros(len(wanted), dtype=bool)
    size, place = size[fitted_before], place[fitted_before]
    hits, plain = sizes[place] == size, own.usual[category_of[size]] == size
    bases = {name: is_own[place] == (name == "own") for name in BASES}
    bases = {name: rows for name, rows in bases.items() if rows.any()}
    return SizeFacts(
        {name: int(rows.sum()) for name, rows in bases.items()},
        {name: round(float(hits[rows].mean()), 4) for name, rows in bases.items()},
        {name: round(float(plain[rows].mean()), 4) for name, rows in bases.items()},
    )


def _pieces(frame: pd.DataFrame) -> pd.DataFrame:
    """Pieces bought less those sent back, by customer and size."""
    return frame.groupby(["customer", "size"])["pieces"].sum().reset_index()


def _fits(own: OwnSizes) -> FittingSizes:
    import numpy as np

    customer, size, share = AlikeSizes.learned(own).fits()
    return FittingSizes(
        np.concatenate((own.customer, customer)), np.concatenate((own.size, size)),
        np.concatenate((own.share, share)), np.arange(len(own.size) + len(size)) < len(own.size),
    )  # fmt: skip


def _alike(rows: pa.Table) -> str:
    """Categories with sizes of customers alike, in a sentence."""
    import pyarrow.compute as pc

    categories = sorted(rows.filter(pc.equal(rows["basis"], "alike"))["category"].unique().to_pylist())
    among = ", ".join(categories) or "no category"
    return f"sizes of customers alike beat the most worn one on customers held out in {among}"


def _note(facts: SizeFacts, cutoff: date) -> str:
    """How the fits came true, in a sentence."""
    if not facts.bought:
        return f"nothing that had a fit on {cutoff} was bought since"
    parts = (
        f"{basis} sizes {facts.hits[basis]:.0%} right, most worn {facts.plain_hits[basis]:.0%}, of {number:,}"
        for basis, number in facts.bought.items()
    )
    return f"lines bought after {cutoff}: {'; '.join(parts)}"

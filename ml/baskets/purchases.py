"""What known customers bought and sent back, up to a day, as columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quanyu.model.entities import Customer
from quanyu.model.supply import Stock
from quanyu.model.trade import OrderLines
from quanyu.point_in_time import as_of
from quanyu.point_in_time.masters import with_referred
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

ITEM = "coalesce(products.style, sku)"
STOCK = "silver/stock"
# Places that the lines are read from.
READS = ("silver/order_lines", "silver/products", *as_of.entity_sources(Customer))


def lines(context: Context, columns: dict[str, str], where: str) -> pa.Table:
    """Distinct rows of expressions over order lines of known customers up to the day, which meet a condition.

    Expressions may name `customer_id`, columns of order lines with their conditions, and of the products.
    """
    table = context.catalogue.tables[OrderLines.name]
    rows = as_of.facts_of(context, Customer, table, None, context.day)
    rows = with_referred(context, rows, table, [*columns.values(), where], context.day)
    chosen = rows.where(where).selectExpr(*(f"{sql} as `{name}`" for name, sql in columns.items()))
    return chosen.distinct().toArrow()


def out_of_stock(context: Context) -> pa.ChunkedArray:
    """Items whose stock is known on the day, and of which no place has a piece and none is on the way."""
    table = context.catalogue.tables[Stock.name]
    rows = with_referred(context, as_of.facts(context, table, context.day), table, [ITEM], context.day)
    pieces = rows.selectExpr(f"{ITEM} as item", "coalesce(on_hand, 0) + coalesce(on_the_way, 0) as pieces")
    totals = pieces.groupBy("item").agg({"pieces": "sum"}).toDF("item", "pieces")
    return totals.where("pieces <= 0").select("item").toArrow()["item"]


@dataclass(frozen=True)
class Coded:
    """A column of texts: `codes` (rows,) are places in `values`, which are sorted and distinct."""

    codes: Ints
    values: pa.Array

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Coded:
        """The codes of a column without nulls."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        whole = pa.chunked_array(column).cast(pa.string()).combine_chunks().dictionary_encode()
        order = pc.array_sort_indices(whole.dictionary).to_numpy()
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(len(order))
        return cls(ranks[whole.indices.to_numpy().astype(np.int64)], whole.dictionary.take(pa.array(order)))

    def places(self, texts: pa.ChunkedArray) -> Ints:
        """Places of texts among the values, shape (texts,); -1 for one that is not there."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        indices: Any = pc.index_in(texts.cast(pa.string()), value_set=self.values)
        return np.asarray(pc.fill_null(indices, -1).to_numpy(), dtype=np.int64)

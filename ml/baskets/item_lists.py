"""Lists of what each customer may buy next: again, anew, and what he has neglected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ml.baskets.associations import neglected_items
from ml.baskets.facts import NextItemFacts
from ml.baskets.item_pairs import PAIRS
from ml.baskets.purchases import ITEM, Coded, lines, out_of_stock
from ml.baskets.writing import write_rows
from ml.lifecycle.train import SEED, TooLittleDataError
from quanyu.lake.receipt import Receipt
from quanyu.model.next_items import NextItems
from quanyu.plurals import number_of
from quanyu.run.runner import Context, Outcome

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from ml.baskets.next_basket import BasketHistory, BasketLists, BasketWeights
    from quanyu.grammar.task import Floats

    Ints = NDArray[np.int64]

LISTED = 5
LATELY_DAYS = 30
JUDGED_LENGTH = 10
# Customers whose last baskets choose the weights, and as many others whose last baskets judge them.
MOST_CUSTOMERS = 20_000


@dataclass(frozen=True)
class ListPart:
    """Rows of one list: places of customers and items, and of the items that explain them, shape (rows,)."""

    name: str
    customer: Ints
    rank: Ints
    item: Ints
    score: Floats
    because: Ints | None = None


def write_lists(context: Context, receipt: Receipt) -> Outcome:
    """Choose the weights by last baskets, and write the lists of every customer who has bought."""
    columns = {"customer": "customer_id", "day": "to_date(ordered_at)", "item": ITEM}
    bought = lines(context, columns, "purchase")
    rows, facts, note = listed(bought, _pairs(context), context.day, out_of_stock(context))
    written = write_rows(context, NextItems, rows, receipt)
    return Outcome(len(bought), written.changed, 0, written.unchanged, notes=(note,), facts=facts)


def listed(
    bought: pa.Table, pairs: pa.Table, day: date, sold_out: pa.ChunkedArray
) -> tuple[pa.Table, NextItemFacts | None, str]:
    """Rows of NextItems, how well such lists foretell last baskets, and both in a sentence.

    `bought` has columns customer, day and item, `pairs` those of Associations; `sold_out` are items that are new to
    nobody.
    """
    import pandas as pd

    from ml.baskets.next_basket import BasketHistory, BasketWeights

    customer, item = Coded.of(bought["customer"]), Coded.of(bought["item"])
    frame = pd.DataFrame({"customer": customer.codes, "day": bought["day"].to_numpy(), "item": item.codes})
    if not len(frame):
        return _rows((), customer, item, day), None, "nobody has bought anything yet: there is no list"
    weights, facts, note = BasketWeights(), None, ""
    try:
        weights, facts = choose_weights(frame, day)
        note = (f"recall at {JUDGED_LENGTH} of last baskets {facts.recall_at_10:.3f}, plain top list"
                f" {facts.plain_recall:.3f}, over {number_of(facts.customers, 'customer')}")  # fmt: skip
    except TooLittleDataError as error:
        note = f"plain lists: {error}"
    history = BasketHistory.of(frame)
    popular = popular_lately(frame, history, day)
    gone = item.places(sold_out)
    popular[gone[gone >= 0]] = 0.0
    lists = weights.lists(history, LISTED, popular)
    parts = [*_own_and_new(lists), _neglected(history, pairs, item)]
    return _rows(parts, customer, item, day), facts, note


def popular_lately(frame: pd.DataFrame, history: BasketHistory, day: date) -> Floats:
    """Share of the baskets of the last month up to a day that hold each item of the history: shape (items,).

    What sold well once may not be sold any more.
    """
    import numpy as np

    from ml.baskets.next_basket import BasketHistory, popularity

    shares = np.zeros(len(history.items))
    lately = frame[frame["day"] > np.datetime64(day - timedelta(days=LATELY_DAYS))]
    if len(lately):
        recent = BasketHistory.of(lately)
        shares[history.items.get_indexer(recent.items)] = popularity(recent)
    return shares


def new_recalls(frame: pd.DataFrame, weights: BasketWeights, day: date) -> tuple[float, float, int]:
    """Recall of what was new to customers in the last month, by the list of then and by the top list of all time.

    Also the number of customers who bought such; all three are 0 where nobody did.
    """
    import numpy as np

    from ml.baskets.next_basket import BasketHistory, bought_before, mean_recall

    cutoff = day - timedelta(days=LATELY_DAYS)
    is_past = frame["day"] <= np.datetime64(cutoff)
    if not is_past.any():
        return 0.0, 0.0, 0
    history = BasketHistory.of(frame[is_past])
    customer, item = history.places(frame[~is_past])
    is_new = ~bought_before(history, customer, item)
    customer, item = customer[is_new], item[is_new]
    if not len(customer):
        return 0.0, 0.0, 0
    listed_then = weights.lists(history, LISTED, popular_lately(frame[is_past], history, cutoff)).new
    plain = weights.lists(history, LISTED).new
    own, of_plain = (mean_recall(lists, customer, item) for lists in (listed_then, plain))
    return own, of_plain, len(np.unique(customer))


def choose_weights(frame: pd.DataFrame, day: date) -> tuple[BasketWeights, NextItemFacts]:
    """Weights chosen by the last baskets of half of the customers, judged by those of the others; a seeded sample.

    TooLittleDataError where either half has no customer with two baskets.
    """
    import numpy as np

    from ml.baskets.next_basket import BasketHistory, BasketWeights, mean_recall

    several = frame.groupby("customer")["day"].nunique() > 1
    order = np.random.default_rng(SEED).permutation(several.index[several].to_numpy())[: 2 * MOST_CUSTOMERS]
    if len(order) < 2:
        raise TooLittleDataError("fewer than two customers have two baskets, so that no weights can be chosen.")
    half, others = (frame[frame["customer"].isin(some)] for some in np.array_split(order, 2))
    weights = BasketWeights.fit(BasketHistory.of(half), JUDGED_LENGTH)
    history = BasketHistory.of(others)
    before, (customer, item) = history.before_last(), history.last()
    recalls = [mean_recall(each.lists(before, JUDGED_LENGTH).mixed, customer, item)
               for each in (weights, BasketWeights())]  # fmt: skip
    of_new = new_recalls(frame, weights, day)
    return weights, NextItemFacts(recalls[0], recalls[1], len(history.customers), *of_new)


def _pairs(context: Context) -> pa.Table:
    columns = ["item", "companion", "later_lower", "confidence"]
    if context.lake.exists(PAIRS):
        return context.lake.rows(PAIRS, columns)
    import pyarrow as pa

    return pa.table({name: pa.array([], pa.string() if place < 2 else pa.float64())
                     for place, name in enumerate(columns)})  # fmt: skip


def _own_and_new(lists: BasketLists) -> Iterator[ListPart]:
    import numpy as np

    from ml.baskets.next_basket import NONE

    for name, items, scores in (
        ("repeat", lists.repeat, lists.repeat_scores),
        ("new", lists.new, lists.new_scores),
    ):
        row, column = np.nonzero(items != NONE)
        yield ListPart(name, row, column + 1, items[row, column], scores[row, column])


def _neglected(history: BasketHistory, pairs: pa.Table, item: Coded) -> ListPart:
    import pandas as pd

    codes = pd.DataFrame({
        "item": item.places(pairs["item"]), "companion": item.places(pairs["companion"]),
        "later_lower": pairs["later_lower"].to_numpy(), "confidence": pairs["confidence"].to_numpy(),
    })  # fmt: skip
    # A pair was fitted some days ago: who bought it then may be another customer now, or none.
    codes = codes[(codes["item"] >= 0) & (codes["companion"] >= 0)]
    purchases = pd.DataFrame({"customer": history.customer, "item": history.item})
    offers = neglected_items(codes, purchases, LISTED)
    customer, rank, companion, because = (
        offers[name].to_numpy("int64") for name in ("customer", "rank", "companion", "because")
    )
    return ListPart("neglected", customer, rank, companion, offers["later_lower"].to_numpy("float64"), because)


def _rows(parts: Iterable[ListPart], customer: Coded, item: Coded, day: date) -> pa.Table:
    """The parts in the columns of NextItems."""
    import pyarrow as pa

    schema = pa.schema({
        "customer_id": pa.string(), "list": pa.string(), "rank": pa.int32(), "item": pa.string(),
        "score": pa.float64(), "because": pa.string(), "as_of": pa.date32(),
    })  # fmt: skip
    tables = [schema.empty_table()]
    for part in parts:
        many = len(part.customer)
        because = pa.nulls(many, pa.string()) if part.because is None else item.values.take(pa.array(part.because))
        columns = (
            customer.values.take(pa.array(part.customer)), pa.repeat(part.name, many), pa.array(part.rank, pa.int32()),
            item.values.take(pa.array(part.item)), pa.array(part.score), because, pa.repeat(pa.scalar(day), many),
        )  # fmt: skip
        tables.append(pa.table(list(columns), schema=schema))
    return pa.concat_tables(tables)

"""Steps of what customers buy next: associations weekly, lists of items and sizes daily."""

from __future__ import annotations

from ml.baskets import purchases
from ml.baskets.item_lists import write_lists
from ml.baskets.item_pairs import PAIRS, last_fitted, write_pairs
from ml.baskets.size_steps import write_sizes
from quanyu.discover import Catalogue
from quanyu.grammar.table import Table
from quanyu.lake import place_of
from quanyu.model.next_items import Associations, NextItems, SizeFits
from quanyu.run.runner import Step


def steps(catalogue: Catalogue) -> list[Step]:
    """List the steps in the order in which they feed each other."""

    def defined(table: type[Table]) -> str:
        return catalogue.tables[table.name].definition()

    lists, sizes = place_of(NextItems), place_of(SizeFits)
    return [
        Step(
            "associations", "baskets", purchases.READS, (PAIRS,), defined(Associations), write_pairs,
            "Items that customers buy together more often than by chance, weekly.", as_of=True, forward=True,
            inputs=last_fitted, rebuilds=(PAIRS,),
        ),
        Step(
            "next_items", "baskets", (*purchases.READS, purchases.STOCK, PAIRS), (lists,), defined(NextItems),
            write_lists, "Items that each customer may buy again, anew, or has neglected.", as_of=True, forward=True,
            rebuilds=(lists,),
        ),
        Step(
            "size_fits", "baskets", purchases.READS, (sizes,), defined(SizeFits), write_sizes,
            "The size that fits each customer by category.", as_of=True, forward=True, rebuilds=(sizes,),
        ),
    ]  # fmt: skip

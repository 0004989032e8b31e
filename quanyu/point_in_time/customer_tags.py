"""Tags of customers as an input of jobs, whose facts are about something else: which kind of customers buy an item."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from quanyu.model.entities import Customer
from quanyu.point_in_time.frame import everybody_on
from quanyu.point_in_time.profiles import computed, computed_from
from quanyu.point_in_time.spine import InputsOfSpine
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class CustomerTags:
    """Tags that a job takes, by name, such as `shopper.type`."""

    names: tuple[str, ...]

    def on(self, context: Context, day: date, began: date | None = None) -> DataFrame:
        """Customers of a day with these tags as of it: customer_id and, for `scene.tag`, scene__tag.

        Customers are those of today; if the first day of the log of ids is given, those that were valid on the day.
        """
        if began is None:
            return computed(context, Customer, self.names, day)
        inputs = InputsOfSpine.of(context, Customer, everybody_on(context, Customer, [day], began), began)
        return computed_from(context, Customer, self.names, inputs)

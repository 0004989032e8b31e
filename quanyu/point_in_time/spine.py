"""Facts about the pairs of a spine: each pair is an entity and a day, at the end of which it is described.

Facts are joined with the pairs by the entity's key, so that a thousand days cost no more than one; `as_of` describes
all entities as of a few days instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from quanyu.grammar.entity import Entity
from quanyu.grammar.feature import FeatureView
from quanyu.grammar.job import Job
from quanyu.grammar.table import Table
from quanyu.identifiers.valid import AS_KNOWN, PERSON, ROW, ended_identifiers
from quanyu.lake.union import union_all
from quanyu.point_in_time import as_of, view_parts
from quanyu.point_in_time.identities import customers_on, log_began, valid_sql
from quanyu.point_in_time.profiles import newest_scores, scores_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class InputsOfSpine:
    """What profiles of pairs are made of; `pairs` are distinct rows of the entity's key and `as_of`.

    Persons belong to the customer as valid on the pair's day (see `valid_sql`); `began` is the first day of the log.
    """

    context: Context
    entity: type[Entity]
    pairs: DataFrame
    days: tuple[date, ...]
    began: date
    _facts: dict[tuple[str, str | None], DataFrame] = field(default_factory=dict)

    @classmethod
    def of(cls, context: Context, entity: type[Entity], pairs: DataFrame, began: date) -> InputsOfSpine:
        """Open the inputs of pairs."""
        pairs = context.lake.staging.materialize(pairs)
        days = sorted(row["as_of"] for row in pairs.select("as_of").distinct().collect())
        return cls(context, entity, pairs, tuple(days), began)

    def everybody(self) -> DataFrame:
        """The pairs whose entity was there at the end of the day."""
        by = self.entity.by()
        if self.entity.resolved:
            return self._owned("identifiers").where(AS_KNOWN).select(*by).distinct()
        rows = self.pairs.join(self._table(self.entity.table), self.entity.key)
        return rows.where(AS_KNOWN).select(*by).distinct()

    def attributes(self) -> DataFrame:
        """Rows of the entity's own table."""
        rows = self.facts_of(self.entity.table, None)
        return rows if self.entity.resolved else as_of.newest_rows(self.context, self.entity, rows)

    def parts(self, view: type[FeatureView]) -> DataFrame:
        """What a view stores of the pairs, computed from facts in one pass."""
        return view_parts.compute_from(self.context, view, self.facts_of(view.over, view.via))

    def scores(self, model: str) -> DataFrame:
        """The newest scores of a model up to the day."""
        asked = self.pairs.withColumnRenamed("as_of", "asked_on")
        stored = scores_of(self.context, self.entity, model)
        return newest_scores(self.entity, asked.join(stored, self.entity.key))

    def facts_of(self, over: type[Table], via: str | None) -> DataFrame:
        """The facts of a table about each pair, with the entity's key and `as_of`. They are read from the lake once."""
        where = (over.name, via)
        if where not in self._facts:
            self._facts[where] = self.context.lake.staging.materialize(self._read(over, via))
        return self._facts[where]

    def _read(self, over: type[Table], via: str | None) -> DataFrame:
        # A conf folder may add columns to the table that a view or an entity names.
        table = self.context.catalogue.tables.get(over.name, over)
        if table.layer == "gold":
            rows = self._of_job(table)
            on = [self.entity.path(over, via), "as_of"]
            return self._keys(over, via).join(rows, on).where(as_of.before_end(table))
        if as_of.by_person(self.entity, table):
            rows = self._owned(table.name)
        else:
            rows = self._keys(over, via).join(self._table(table), self.entity.path(over, via))
        rows = rows.where(AS_KNOWN).where(as_of.before_end(table))
        return rows if table.name != "identifiers" else self._current(rows)

    def _keys(self, over: type[Table], via: str | None) -> DataFrame:
        """The pairs with the value of the facts' path that leads to their entity: path, the entity's key, `as_of`."""
        key, path, column = self.entity.key, self.entity.path(over, via), self.entity.path_column(over, via)
        if column != key:
            leading = as_of.keys_by(self.context, self.entity, column, *self.days)
            return self.pairs.join(leading, self.entity.by()).withColumnRenamed(column, path)
        return self.pairs if path == key else self.pairs.selectExpr("*", f"`{key}` as `{path}`")

    def _of_job(self, table: type[Table]) -> DataFrame:
        """Rows that the job of a gold table makes: of all pairs at once, or of all facts as of each day."""
        from pyspark.sql.functions import lit

        job = as_of.job_of(table)
        if job.by_customer and self.entity.resolved:
            rows = as_of.of_rows(self.context, job, partial(self._rows_of_job, job), self._records)
            return _unmarked(rows)
        # Facts about others than customers are made of customers' facts too.
        began = self.began if self.entity.resolved else log_began(self.context)
        owners = {day: customers_on(self.context, day, began) for day in self.days}
        frames = (as_of.of_job(self.context, job, day, owners[day], began=began) for day in self.days)
        return union_all([rows.withColumn("as_of", lit(day)) for rows, day in zip(frames, self.days, strict=True)])

    def _rows_of_job(self, job: Job, table: type[Table]) -> DataFrame:
        return _marked(as_of.rows_of_job(self.context, job, table, self.facts_of(table, None)))

    def _records(self) -> DataFrame:
        """Records of customers as `as_of.records_known` gives them, of all pairs at once."""
        rows = (
            self._owned("identifiers").where(AS_KNOWN).groupBy(*PERSON, *self.entity.by()).agg({"recorded_on": "min"})
        )
        return _marked(rows.withColumnRenamed("min(recorded_on)", "known_on"))

    def _current(self, rows: DataFrame) -> DataFrame:
        ended = ended_identifiers(self.context.lake, self.context.catalogue, *self.days)
        return rows if ended is None else rows.join(ended, [*ROW, "as_of"], "left_anti")

    def _owned(self, name: str) -> DataFrame:
        """Rows of a table of the persons who were the customer of a pair on its day."""
        identities = self._named("identities")
        owners = self.pairs.join(identities, "customer_id").where(valid_sql(self.began))
        # Sail builds its hash table from the left side of a join: persons are fewer than facts.
        return owners.select(*PERSON, *self.entity.by()).join(self._named(name), PERSON)

    def _table(self, table: type[Table]) -> DataFrame:
        return self.context.lake.table(table)

    def _named(self, name: str) -> DataFrame:
        return self._table(self.context.catalogue.tables[name])


def _marked(rows: DataFrame) -> DataFrame:
    """Rows whose customers and persons are another one for each `as_of`, so that one pass tells the pairs apart."""
    from pyspark.sql.functions import expr

    names = ("customer_id", "person_key")
    return rows.withColumns({name: expr(f"concat({name}, ' ', cast(as_of as string))") for name in names}).drop("as_of")


def _unmarked(rows: DataFrame) -> DataFrame:
    """The rows with the customer's id and `as_of`."""
    from pyspark.sql.functions import expr

    day = rows.withColumn("as_of", expr("cast(substring_index(customer_id, ' ', -1) as date)"))
    return day.withColumn("customer_id", expr("substring_index(customer_id, ' ', 1)"))

"""All that is known of one customer, outlet, store, product or employee: master data, profile, facts, audiences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from quanyu.config.settings import Settings
from quanyu.errors import ConfigError, nearest
from quanyu.grammar.entity import Entity
from quanyu.grammar.table import Table
from quanyu.lake import place_of
from quanyu.model.next_items import Associations, NextItems, SizeFits
from quanyu.model.outcomes import Deliveries, memberships_of
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.steward.directory import Directory

Row = dict[str, Any]
MOST_MATCHES = 20


@dataclass(frozen=True)
class FactCount:
    """How many rows of a table are about an entity, and when the first and the last happened."""

    table: str
    rows: int
    first: Any
    last: Any


@dataclass
class OneEntity:
    """One entity of a home. Everything is read without an engine."""

    context: Context
    entity: type[Entity]
    key: str
    directory: Directory | None = None
    """Where customers are looked up; None for other entities."""

    @cached_property
    def profile(self) -> Row | None:
        """The row of its profile; None before the first one."""
        rows = self._where(f"gold/profile_{self.entity.name}", None, **{self.entity.key: [self.key]})
        return rows[0] if rows else None

    @cached_property
    def master(self) -> dict[str, list[str]]:
        """Values of its rows in the table that lists all of them, by column; without columns that identify persons."""
        table = self._tables.get(self.entity.table.name, self.entity.table)
        persons = set(table.identifies()) - {self.entity.key}
        columns = [name for name, column in table.columns.items() if not column.pii and name not in persons]
        values = {name: [str(row[name]) for row in self._rows if row.get(name) is not None] for name in columns}
        return {name: sorted(set(texts)) for name, texts in values.items() if texts}

    @cached_property
    def _rows(self) -> list[Row]:
        """Its current rows in the table that lists all of them; of a style, those of its items."""
        return self._where(place_of(self.entity.table), None, **{self.entity.key: [self.key]})

    @property
    def _tables(self) -> dict[str, type[Table]]:
        return self.context.catalogue.tables

    def facts(self) -> Iterator[FactCount]:
        """Tables with facts about it: number of rows, first and last time, the newest first."""
        counts = (self._count(table) for table in self._tables.values() if table.layer == "silver" and table.event_time)
        present = [count for count in counts if count is not None and count.rows]
        yield from sorted(present, key=lambda count: str(count.last), reverse=True)

    def _count(self, table: type[Table]) -> FactCount | None:
        try:
            condition = self._leading(table)
        except ConfigError:
            return None
        time = str(table.event_time)
        times = [row[time] for row in self._where(place_of(table), [time], **condition) if row[time] is not None]
        return FactCount(table.name, len(times), min(times, default=None), max(times, default=None))

    def _leading(self, table: type[Table]) -> dict[str, Sequence[str]]:
        """Column and values by which rows of a table are about it. Raises ConfigError where none leads to it."""
        if self.directory is None:
            by = self.entity.path_column(table)
            return {self.entity.path(table): sorted({str(row[by]) for row in self._rows if row.get(by) is not None})}
        if not table.personal:
            raise ConfigError(f"{table.name} is about no {self.entity.name}")
        return {"person_key": [record.person_key for record in self.directory.of_customer(self.key)]}

    def rows_of(self, table: str, columns: Sequence[str], newest_by: str, limit: int) -> list[Row]:
        """The newest current rows of a table that are about it; none where the table leads to no such entity."""
        try:
            condition = self._leading(self._tables[table])
        except ConfigError:
            return []
        rows = self._where(place_of(self._tables[table]), columns, **condition)
        return sorted(rows, key=lambda row: str(row[newest_by]), reverse=True)[:limit]

    def audiences(self) -> list[Row]:
        """Its memberships, current ones first: audience, entered_on, left_on, holdout."""
        columns = ["audience", "entered_on", "left_on", "holdout"]
        rows = self._where(place_of(memberships_of(self.entity)), columns, **{self.entity.key: [self.key]})
        return sorted(rows, key=lambda row: (row["left_on"] is not None, row["audience"], row["entered_on"]))

    def deliveries(self) -> list[Row]:
        """Messages that journeys planned for a customer, the newest first: journey, channel, status, reason, due_on."""
        if self.directory is None:
            return []
        columns = ["due_on", "journey", "channel", "template", "status", "reason"]
        rows = self._where(place_of(Deliveries), columns, customer_id=[self.key])
        return sorted(rows, key=lambda row: str(row["due_on"]), reverse=True)

    def next_items(self) -> list[Row]:
        """What a customer may buy next, a row for each list: list, items in order, and what explains neglected ones."""
        columns = ["list", "rank", "item", "because"]
        rows = self._where(place_of(NextItems), columns, customer_id=[self.key]) if self.directory else []
        items: dict[str, list[str]] = {}
        for row in sorted(rows, key=lambda row: row["rank"]):
            why = f" (with {row['because']})" if row["because"] else ""
            items.setdefault(row["list"], []).append(f"{row['item']}{why}")
        return [{"list": name, "items": ", ".join(items[name])} for name in sorted(items)]

    def size_fits(self) -> list[Row]:
        """The size that fits a customer by category: category, size, basis, share."""
        columns = ["category", "size", "basis", "share"]
        rows = self._where(place_of(SizeFits), columns, customer_id=[self.key]) if self.directory else []
        return sorted(rows, key=lambda row: str(row["category"]))

    def companions(self) -> list[Row]:
        """What is bought with a product or a style, that with the greatest bound first: companion, baskets, lift."""
        items = [str(row.get("style") or row["sku"]) for row in self._rows if "sku" in row]
        columns = ["companion", "baskets", "lift", "later_lower"]
        rows = self._where(place_of(Associations), columns, item=sorted(set(items))) if items else []
        return sorted(rows, key=lambda row: (-row["later_lower"], row["companion"]))

    def _where(self, place: str, columns: Sequence[str] | None, **condition: Sequence[str]) -> list[Row]:
        """Current rows of a table with one of the values in a column; none without the table."""
        import pyarrow as pa

        lake = self.context.lake
        if not lake.exists(place):
            return []
        dataset = lake.arrow(place)
        [(column, values)] = condition.items()
        wanted = [name for name in columns if name in dataset.schema.names] if columns else dataset.schema.names
        ended = ["replaced_on"] if "replaced_on" in dataset.schema.names else []
        batches = dataset.to_batches(columns=list(dict.fromkeys([*wanted, column, *ended])))
        tables = (_chosen(pa.Table.from_batches([batch]), column, values) for batch in batches)
        return [{name: row[name] for name in wanted} for table in tables for row in table.to_pylist()]


def _chosen(rows: pa.Table, column: str, values: Sequence[str]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import compute

    among = compute.is_in(rows[column], value_set=pa.array(values, rows.schema.field(column).type))
    if "replaced_on" in rows.schema.names:
        among = compute.and_(among, compute.is_null(rows["replaced_on"]))
    return rows.filter(among)


def find(context: Context, entity: type[Entity], text: str) -> list[str]:
    """Keys of the entities that a text names: by key, or by a column of their own table; whole texts before parts.

    Raises ConfigError where nothing matches.
    """
    table = context.catalogue.tables.get(entity.table.name, entity.table)
    place = place_of(table)
    if not context.lake.exists(place):
        raise ConfigError(f"no {entity.name} is known yet; run a day first: quanyu run --day DAY")
    texts = [name for name, column in table.columns.items() if column.type == "string"]
    rows = context.lake.rows(place, [*texts, "replaced_on"]).to_pylist()
    current = [row for row in rows if row["replaced_on"] is None]
    wanted = text.strip().lower()
    others = [name for name in texts if name != entity.key and not table.columns[name].values]
    tests: tuple[Callable[[Row], bool], ...] = (
        lambda row: str(row[entity.key]).lower() == wanted,
        lambda row: any(str(row[name]).lower() == wanted for name in others),
        lambda row: any(wanted in str(row[name] or "").lower() for name in others),
    )
    for test in tests:
        if keys := sorted({row[entity.key] for row in current if test(row)}):
            return keys
    raise ConfigError(f"no {entity.name} matches; give its {entity.key} or a name, as quanyu table {table.name} shows")


def entity_named(settings: Settings, name: str, who: str) -> OneEntity:
    """The one entity of a kind that a text means. Raises ConfigError where several or none match.

    A customer is named by an id, source/key of a record, one of its identifiers, or a name.
    """
    from jobs.steward.directory import Directory

    context = Context(settings, datetime.now(UTC).date())
    if name not in context.catalogue.entities:
        raise ConfigError(f"unknown entity {name!r}; {nearest(name, context.catalogue.entities)}")
    entity = context.catalogue.entities[name]
    if not entity.resolved:
        return OneEntity(context, entity, _single(find(context, entity, who)))
    directory = Directory(context)
    customers = sorted({one for record in directory.find(who) if (one := directory.customer_of(record))})
    if not customers:
        raise ConfigError("it has no customer: nothing on it identifies a person, or no run has processed it yet")
    return OneEntity(context, entity, _single(customers), directory)


def _single(keys: list[str]) -> str:
    if len(keys) > 1:
        more = f" and {len(keys) - MOST_MATCHES:,} more" if len(keys) > MOST_MATCHES else ""
        raise ConfigError(f"{len(keys):,} match: {', '.join(keys[:MOST_MATCHES])}{more}; name one of them")
    return keys[0]

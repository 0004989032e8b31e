"""Table and Column: declaration of a Delta table's columns, with type, unit, meaning and constraints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Literal

from quanyu.errors import ConfigError, Problem, nearest
from quanyu.grammar.declaration import NAME, digest, file_of, snake_case
from quanyu.grammar.platforms.categories import Category

TYPE = re.compile(
    r"^(string|date|timestamp|boolean|int|bigint|double|decimal\(\d+,\d+\)|array<(string|bigint|double)>)$"
)
MONEY = "decimal(18,2)"
UNIT_PRICE = "decimal(18,4)"


@dataclass(frozen=True)
class Days:
    """Plausible days of a column: from `since`, up to `beyond` days after the feed day, or without an end.

    Ingest checks them. A table may still contain other days that an earlier contract allowed.
    """

    since: date
    """First day."""
    beyond: int | None = None
    """Days after the feed day up to which a value may lie; None for no end."""

    def condition(self, name: str, kind: str, feed_day: str) -> str:
        """SQL condition that a value of type `kind` must meet, unless it is null. `feed_day` is SQL of the feed day.

        Times are compared by their UTC day, which is fast and exact enough.
        """
        day = f"unix_date({name})" if kind == "date" else f"(unix_timestamp({name}) div 86400)"
        last = "" if self.beyond is None else f" and {day} <= unix_date({feed_day}) + {self.beyond}"
        return f"{day} >= {(self.since - date(1970, 1, 1)).days}{last}"

    def words(self) -> str:
        """The allowed days as text, to follow a column's name."""
        if self.beyond is None:
            return f"not before {self.since}"
        last = f"{self.beyond} days after the day of the feed" if self.beyond else "the day of the feed"
        return f"from {self.since} to {last}"


@dataclass(frozen=True)
class Column:
    """One column. `unit` is the unit of a number. Ingest and Delta check `values` and the bounds.

    `days` are the plausible days and times; only ingest checks them. `own` columns are those that a conf folder adds:
    only ingest checks them, since what they allow may change on any day. A `trait` is a column whose value is chosen
    among the records of an entity: by `survivorship`, the sources whose value counts, first to last, or by `strictest`,
    the values, else the newest.
    """

    type: str
    """Spark's type, such as `string`, `date`, `timestamp`, `boolean`, `int`, `bigint`, `double`, `decimal(18,2)`."""
    about: str
    """What a value means, in a sentence."""
    unit: str = ""
    """Unit of a number, such as `currency` or `pieces`."""
    required: bool = False
    """Whether every row has a value."""
    values: tuple[str, ...] = ()
    """All values that are allowed."""
    at_least: float | None = None
    """Smallest value that is allowed."""
    at_most: float | None = None
    """Largest value that is allowed."""
    days: Days | None = None
    """Plausible days of a date or time."""
    pii: bool = False
    """Whether it is personal data."""
    references: str | None = None
    """Table whose key the value is: expressions may name its columns as `table.column`."""
    references_column: str | None = None
    """Column of that table which the value is, if not its key: one that is an `alternate_key`."""
    alternate_key: bool = False
    """Whether it names a row as the key does, so that other tables may refer to it."""
    survivorship: tuple[str, ...] = ()
    """Sources in the order in which their value is preferred."""
    strictest: tuple[str, ...] = ()
    """Values from the strictest to the loosest: the strictest of an entity's records counts."""
    trait: bool = False
    """Whether its value is chosen by itself among the records of an entity in several sources."""
    own: bool = False
    """Whether it is a column of the retailer's own."""
    category: Category | None = None
    """Sensitive category that its values are of: platforms forbid audiences of some."""

    def constraint(self, name: str) -> str | None:
        """Return the SQL condition that a value must meet unless it is null; None without one."""
        parts = []
        if self.values:
            parts.append(f"{name} in ({', '.join(repr(value) for value in self.values)})")
        if self.at_least is not None:
            parts.append(f"{name} >= {self.at_least:g}")
        if self.at_most is not None:
            parts.append(f"{name} <= {self.at_most:g}")
        return " and ".join(parts) or None

    def broken(self, name: str) -> str:
        """Message for a value that breaks the constraint: what is allowed."""
        if self.values:
            return f"{name} must be one of {', '.join(self.values)}"
        bounds = [f"at least {self.at_least:g}" if self.at_least is not None else ""]
        bounds.append(f"at most {self.at_most:g}" if self.at_most is not None else "")
        return f"{name} must be {' and '.join(b for b in bounds if b)}"

    def contract(self) -> dict[str, Any]:
        """What it declares of its values, by key: all but the category."""
        return {key: value for key, value in vars(self).items() if key != "category"}

    @property
    def comment(self) -> str:
        """Meaning and unit, as stored in Delta."""
        return f"{self.about} Unit: {self.unit}." if self.unit else self.about


@dataclass(frozen=True)
class Condition:
    """A condition of a table's rows that expressions name like a boolean column, so that its meaning is said once."""

    sql: str
    """Expression over the columns of the table."""
    about: str
    """What it means that it is true, in a sentence."""


# No living person was born before.
BORN = Days(date(1900, 1, 1), beyond=0)
# No feed is older; unset clocks start in 1970. Orders are placed at most a year ahead.
HAPPENED = Days(date(1990, 1, 1), beyond=366)
# A start or end day may be any future day: 9999-12-31 means without an end.
PLANNED = Days(date(1900, 1, 1))

# By what a column may identify a person.
PERSON_KEYS = {
    "person_key": "key of a person in a feed",
    "record": "hash of a feed and a person_key",
    "customer_id": "customer",
    "staff": "number of an employee",
    "wecom_user": "WeCom user id of an employee",
    "representative": "name of a representative",
}
SOURCE = Column("string", "Feed that the row came by.", required=True)
PERSON = Column("string", "Opaque key of the person in that source; null when nobody is named.")
FEED_DAY = Column("date", "Day of the feed that told it.", required=True)
RECORDED = Column("date", "Day on which this version became known.", required=True)
REPLACED = Column("date", "Day on which a later version replaced it; null while it is current.")
LINEAGE = {
    "_file": Column("string", "File with the row that opened this version; null in homes of older releases."),
    "_row": Column("bigint", "Number of that row in its file.", unit="row"),
}
VERSIONING = {"feed_day": FEED_DAY, "recorded_on": RECORDED, "replaced_on": REPLACED}
# Attributes of tables by their earlier names.
RENAMED = {
    "happens": "event_time", "newest_by": "sequence_by", "permanent": "permanent_where",
    "addressed_by": "channel_column", "slice_by": "overwrite_by",
}  # fmt: skip


class Table:
    """A Delta table. Subclasses give Columns as attributes, `keys`, and say what one row is in their docstring.

    `event_time` is the column with the time of a fact. `sequence_by` is the column with the time of the row's last
    change in the source: an older state that arrives later is then ignored. `permanent_where` is an SQL condition: such
    rows do not end when a file no longer contains them. `channel_column` is the column with the channel of a message:
    ingest fills `address_kind` and `address_hash` with the identifier of the row's person that the channel reaches.
    Silver keeps the file and the row that opened a version, unless `lineage` is false because many rows say the same.
    `person_columns` maps columns that identify somebody to one of PERSON_KEYS; `identifies` adds those that do in every
    table. `conditions` are named conditions of a row, such as what counts as a purchase.
    """

    owner: ClassVar[str] = "data"
    """The team that answers for it."""
    layer: ClassVar[Literal["silver", "gold"]]
    """`silver` for facts as received from sources, `gold` for what is computed."""
    keys: ClassVar[tuple[str, ...]] = ()
    """Columns that name a row; in silver, within its source."""
    personal: ClassVar[bool] = False
    """Whether rows are about persons; they have a `person_key` then."""
    event_time: ClassVar[str | None] = None
    """Column with the time of a fact: features and measures count rows in a window by it."""
    sequence_by: ClassVar[str | None] = None
    """Column with the time of the row's last change in its source; an older state is ignored."""
    permanent_where: ClassVar[str | None] = None
    """SQL condition of rows that stay when a complete delivery lacks them."""
    channel_column: ClassVar[str | None] = None
    """Column with the channel of a message, by which the address of its person is found."""
    overwrite_by: ClassVar[str | None] = None
    """Column with the day that a run replaces as a whole."""
    forward_only: ClassVar[bool] = False
    """Whether it can only be continued and not computed again for an earlier day."""
    lineage: ClassVar[bool] = True
    """Whether rows keep the file and row that they came from."""
    person_columns: ClassVar[Mapping[str, str]] = {}
    """Columns that identify persons, each with whom."""
    conditions: ClassVar[Mapping[str, Condition]] = {}
    """Conditions of a row that expressions may name like boolean columns."""

    name: ClassVar[str]
    """The class's name in small letters."""
    columns: ClassVar[dict[str, Column]]
    """Columns, each declared as an attribute: `name = Column(...)`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.columns = {key: value for key, value in vars(cls).items() if isinstance(value, Column)}
        cls.name = snake_case(cls.__name__)
        problems = _problems(cls)
        if problems:
            raise ConfigError(problems)

    @classmethod
    def schema(cls) -> dict[str, Column]:
        """Every column in order. Silver adds source, person, lineage and versioning columns to the declared ones."""
        if cls.layer == "gold":
            return dict(cls.columns)
        person = {"person_key": PERSON} if cls.personal else {}
        lineage = LINEAGE if cls.lineage else {}
        return {"source": SOURCE, **person, **cls.columns, **lineage, **VERSIONING}

    @classmethod
    def identifies(cls) -> dict[str, str]:
        """Columns that identify a person, each with what it holds (a name in PERSON_KEYS)."""
        everywhere: dict[str, str] = {name: name for name in ("person_key", "customer_id") if name in cls.schema()}
        staff = {
            name: column.references_column or "staff"
            for name, column in cls.columns.items()
            if column.references == "staff"
        }
        return {**everywhere, **staff, **cls.person_columns}

    @classmethod
    def about(cls) -> str:
        """What one row is, in one line."""
        return " ".join((cls.__doc__ or "").split())

    @classmethod
    def identity(cls) -> tuple[str, ...]:
        """The key as stored: in silver it includes the source."""
        return cls.keys if cls.layer == "gold" else ("source", *cls.keys)

    @classmethod
    def definition(cls) -> str:
        """Hash of the table's declaration, without the categories of columns, which change no value."""
        return digest([cls.name, cls.keys, {name: column.contract() for name, column in cls.schema().items()}])


def _problems(table: type[Table]) -> list[Problem]:
    mistakes = [] if (table.__doc__ or "").strip() else [("", "needs a docstring that says what one row is")]
    if getattr(table, "layer", None) not in ("silver", "gold"):
        mistakes.append((".layer", "is missing: silver or gold"))
    mistakes += [
        (f".{old}", f"is now called {new}")
        for old, new in RENAMED.items()
        if old in vars(table) and old not in table.columns
    ]
    for name, column in table.columns.items():
        if name in vars(Table) or name in Table.__annotations__:
            mistakes.append((f".{name}", "is a reserved name: give the column another name"))
        if not NAME.match(name):
            mistakes.append((f".{name}", "names are lower case letters, digits and _"))
        if not TYPE.match(column.type):
            mistakes.append((f".{name}", f"type {column.type!r} is not allowed; {TYPE.pattern}"))
        if column.days and column.type not in ("date", "timestamp"):
            mistakes.append((f".{name}", f"days are for dates and timestamps, not for a {column.type}"))
        if not column.about:
            mistakes.append((f".{name}", "needs a text that says what it means"))
    places = [("keys", key) for key in table.keys]
    places += [
        (place, name) for place in ("event_time", "sequence_by", "overwrite_by") if (name := getattr(table, place))
    ]
    places += [("person_columns", name) for name in table.person_columns]
    mistakes += [
        (f".person_columns.{name}", f"unknown key {key!r}; {nearest(key, PERSON_KEYS)}")
        for name, key in table.person_columns.items()
        if key not in PERSON_KEYS
    ]
    for place, name in places:
        if name not in table.columns and name != "person_key":
            mistakes.append((f".{place}", f"unknown column {name!r}; {nearest(name, table.columns)}"))
    return [Problem(file_of(table), f"{table.__name__}{key}", message) for key, message in mistakes]

"""Entity: what can be described and scored, the table that lists all of them, and how facts lead to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from quanyu.errors import ConfigError, nearest
from quanyu.grammar.declaration import snake_case
from quanyu.grammar.table import Column, Table


class Entity:
    """What features, tags and models are about. Subclasses give `table`, which lists all of them, and `key`.

    `key` is the column of that table that names one. Facts lead to an entity by a column that `references` its table;
    facts about persons lead to the one entity that is `resolved`, by identities. Where the table names other things
    than the reference, such as styles and not items, its rows say to which one a reference leads.
    """

    table: ClassVar[type[Table]]
    """Table that lists all of them."""
    key: ClassVar[str]
    """Column of the table that names one."""
    resolved: ClassVar[bool] = False
    """Whether facts about persons lead to it by identities."""
    name: ClassVar[str]
    """The class's name in small letters."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = snake_case(cls.__name__)

    @classmethod
    def by(cls) -> list[str]:
        """Columns that a row of the entity as of a day is known by."""
        return [cls.key, "as_of"]

    @classmethod
    def plural(cls, number: int) -> str:
        """The entity's word for so many of them."""
        word = cls.name.replace("_", " ")
        return word if number == 1 or word == "staff" else f"{word}s"

    @classmethod
    def attributes(cls, tables: Mapping[str, type[Table]]) -> dict[str, Column]:
        """Columns of the entity's own table that rules may name, as `entity.column`."""
        columns = tables.get(cls.table.name, cls.table).columns
        return {name: column for name, column in columns.items() if name != cls.key and not column.pii}

    @classmethod
    def key_column(cls) -> Column:
        """The column that names one, for tables of the entity."""
        return Column("string", f"The {cls.name.replace('_', ' ')}.", required=True)

    @classmethod
    def path(cls, over: type[Table], via: str | None = None) -> str:
        """Column of a table of facts that names the entity; `via` chooses among several.

        Raises ConfigError where no column leads to the entity, or several do.
        """
        if cls.resolved:
            if over.personal or cls.key in over.columns:
                return cls.key
            raise ConfigError(f"{over.name} is about no {cls.name}: its rows have no person")
        if over.name == cls.table.name:
            return cls.key
        columns = [name for name, column in over.columns.items() if column.references == cls.table.name]
        if via is not None:
            if via not in columns:
                raise ConfigError(f"via {via!r} does not refer to {cls.table.name}; {nearest(via, columns)}")
            return via
        if len(columns) == 1:
            return columns[0]
        if not columns:
            raise ConfigError(f"no column of {over.name} refers to {cls.table.name}, which lists every {cls.name}")
        raise ConfigError(f"{', '.join(columns)} of {over.name} refer to {cls.table.name}: write which one as `via`")

    @classmethod
    def path_column(cls, over: type[Table], via: str | None = None) -> str:
        """Column of the entity's table with the values of the path: its key, or one by which its rows are looked up."""
        if cls.resolved or over.name == cls.table.name:
            return cls.key
        return over.columns[cls.path(over, via)].references_column or cls.table.keys[0]

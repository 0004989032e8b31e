"""Static lists of audiences: CSV files of a conf folder, matched with the entities that are known today.

Their values are personal data: no message repeats one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from quanyu.errors import ConfigError
from quanyu.grammar.audience import Audience, StaticList
from quanyu.grammar.declaration import Problems
from quanyu.grammar.entity import Entity
from quanyu.identifiers.comparable import comparison_form_sql
from quanyu.identifiers.normalise import comparison_form, normalise
from quanyu.identifiers.valid import current_identifiers
from quanyu.literals import quoted
from quanyu.point_in_time.identities import customers_on, log_began
from quanyu.run.runner import Context

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def path_of(conf: Path, static: StaticList) -> Path:
    """Where the file of a list is."""
    return conf / static.file


def content_digest(conf: Path, audience: Audience) -> list[str]:
    """Hashes of the files of an audience's lists, empty for one that is missing."""
    paths = (path_of(conf, static) for static in audience.lists.values())
    return [hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else "" for path in paths]


def check_lists(conf: Path, audience: Audience, problems: Problems) -> None:
    """Add files that are missing, outside of the conf folder, or not of one column."""
    for name, static in audience.lists.items():
        try:
            _values(conf, static)
        except ConfigError as error:
            problems.add(audience.file, f"lists.{name}.file", str(error))


def entities_on(context: Context, entity: type[Entity], static: StaticList) -> DataFrame:
    """The entities on a list by today's identifiers: their key, each once."""
    return _matched(context, entity, static).where(f"`{entity.key}` is not null").select(entity.key).distinct()


def notes(context: Context, entity: type[Entity], audience: Audience) -> Iterator[str]:
    """Say of each list how many of its values belong to nobody."""
    for name, static in audience.lists.items():
        total = _values(context.settings.conf, static).num_rows
        matched = _matched(context, entity, static).where(f"`{entity.key}` is not null")
        known = matched.select("nth").distinct().count()
        if known < total:
            yield f"{audience.name}: {total - known:,} of {total:,} on the list {name} are unknown"


def _matched(context: Context, entity: type[Entity], static: StaticList) -> DataFrame:
    """Each value of a list by its place `nth`, with the key of every entity that has it, null for none."""
    values = _values(context.settings.conf, static)
    region = context.settings.region
    if static.kind != entity.key:
        values = _converted(values, partial(_compared, static.kind, region))
    stage = partial(context.lake.staging.stage_arrow, context.lake.spark)
    rows = stage(values, "nth bigint, value string").rows
    if static.kind == entity.key:
        table = context.lake.table(context.catalogue.tables[entity.table.name])
        keys = table.selectExpr(f"`{entity.key}` as value", f"`{entity.key}`").distinct()
    else:
        keys = _by_identifier(context, static.kind)
    return rows.join(keys, "value", "left").select("nth", entity.key)


def _by_identifier(context: Context, kind: str) -> DataFrame:
    """Customers by the compared form of today's identifiers of a kind: value, customer_id."""
    rows = current_identifiers(context.lake, context.catalogue, context.day).where(f"kind = {quoted(kind)}")
    compared = rows.selectExpr("source", "person_key", f"{comparison_form_sql('kind', 'value')} as value")
    customers = customers_on(context, context.day, log_began(context))
    return compared.join(customers, ["source", "person_key"]).select("value", "customer_id").distinct()


def _compared(kind: str, region: str, value: str) -> str | None:
    normalised = normalise(kind, value, region)
    return comparison_form(kind, normalised) if normalised else None


def _values(conf: Path, static: StaticList) -> pa.Table:
    """The values of a list as delivered: nth, value. Raises ConfigError for a file that is no such list."""
    import pyarrow as pa
    from pyarrow import csv

    path = path_of(conf, static)
    if not path.resolve().is_relative_to(conf.resolve()):
        raise ConfigError(f"{static.file!r} is outside of the conf folder")
    if not path.is_file():
        raise ConfigError(f"there is no file {static.file!r} in the conf folder")
    try:
        names = csv.open_csv(path).schema.names
        if len(names) != 1:
            raise ConfigError(
                f"{static.file!r} has {len(names)} columns; one is wanted, with a first line that names it"
            )
        # Numbers as they are written: a phone may begin with 0.
        texts = csv.ConvertOptions(column_types={names[0]: pa.string()}, strings_can_be_null=True)
        column = csv.read_csv(path, convert_options=texts).column(0).drop_null()
    except pa.ArrowInvalid:
        # The library's message repeats the line.
        raise ConfigError(f"{static.file!r} is no CSV file in UTF-8 with one column") from None
    return pa.table({"nth": pa.arange(0, len(column)), "value": column})


def _converted(values: pa.Table, compared: Callable[[str], str | None]) -> pa.Table:
    """The values in the form in which they are compared, null for those that cannot be one."""
    import pyarrow as pa

    chunks = [pa.array([compared(one.as_py()) for one in chunk], pa.string()) for chunk in values["value"].chunks]
    return values.set_column(1, "value", pa.chunked_array(chunks, pa.string()))

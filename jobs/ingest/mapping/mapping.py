"""Maps bronze rows to rows of Tables, in one pass that also checks each row and decides where it goes and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from jobs.ingest.landing.bronze import SYSTEM
from jobs.ingest.landing.file_order import file_order
from jobs.ingest.mapping.casts import (
    by_columns,
    element_parts,
    elements_sql,
    fields_of,
    named_in,
    shared_parts,
    with_parts,
)
from jobs.ingest.mapping.contract import (
    ELEMENT,
    Check,
    accepted_sql,
    ahead_checks,
    cast_checks,
    constraint_checks,
    group_sql,
    members,
    per_row,
    person_columns,
    reasons,
    where_sql,
)
from jobs.ingest.mapping.elements import empty_check, list_checks, rows_of_whole_list, rows_sql
from jobs.ingest.mapping.groups import AcrossDays, accepted_rows, group_columns, groups_of, is_good
from jobs.ingest.mapping.keys import blanks
from jobs.ingest.mapping.whole_lists import whole_list
from jobs.ingest.receipts.parents import stored_key_sql, with_key
from jobs.ingest.silver.versions import PLACE
from quanyu.expressions import parse
from quanyu.feeds.fill import Fill
from quanyu.feeds.source import Source
from quanyu.grammar.table import Table
from quanyu.identifiers import persons
from quanyu.identifiers.comparable import comparable_sql
from quanyu.lake.difference import has_repeats
from quanyu.lake.staging import Staging
from quanyu.literals import quoted
from quanyu.model.people import REACHES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def trimmed(received: DataFrame, source: Source, keep: bool = False) -> DataFrame:
    """Trim values and replace blank ones by null.

    With `keep`, `_untrimmed` has the values that differ from the trimmed ones: c0, c1, … by the order of columns.
    """
    values = {name: f"nullif(trim(both {blanks()} from `{name}`), '')" for name in source.named_columns()}
    named = [f"{sql} as `{name}`" for name, sql in values.items()]
    others = (f"if({sql} <=> `{name}`, null, `{name}`) as c{n}" for n, (name, sql) in enumerate(values.items()))
    untrimmed = [f"struct({', '.join(others)}) as _untrimmed"] if keep and values else []
    return received.selectExpr(*named, *SYSTEM, "_stored", "_stored_person", *untrimmed)


def with_person(
    rows: DataFrame, source: Source, region: str, key: bytes, addresses: bool = False, crowded: Collection[str] = ()
) -> DataFrame:
    """Add the struct `_person`, which is null for a source without `person`.

    Its fields are person_key and, for each identifier of the source, its normalised value (id0, id1, …) or the reason
    why it is refused (no0, no1, …); with `addresses` also hash0, hash1, … Each distinct person is normalised once.
    `crowded` are keys of values that name many people.
    """
    from pyspark.sql import functions as F  # noqa: N812

    if not source.person:
        return rows.selectExpr("*", "cast(null as struct<person_key: string>) as _person")
    persons.send_code_to_workers()
    kinds = [(item.kind, item.scope) for item in source.person]
    identify = F.pandas_udf(  # type: ignore[attr-defined]
        persons.person_key_function(source.name, kinds, region, key, addresses, crowded),
        f"struct<{persons.person_key_type(len(kinds), addresses)}>",
    )
    raw = [f"cast({sql} as string) as _raw{n}" for n, sql in enumerate(person_columns(source))]
    names = [f"_raw{n}" for n in range(len(raw))]
    # Join key of all raw identifiers: each with its length, so that it is unambiguous.
    parts = ", ".join(f"coalesce(concat(cast(length({name}) as string), ':', {name}), '-')" for name in names)
    who = f"concat({parts})" if len(names) > 1 else names[0]
    keyed_rows = rows.selectExpr("*", *raw).selectExpr("*", f"{who} as _who")
    named = keyed_rows.select("_who", *names).distinct().withColumn("_person", identify(*names))
    # The embedded engine loads the left side of a join into memory, so the persons must be on the left.
    return named.select("_who", "_person").join(keyed_rows, "_who", "right").drop("_who", *names)


def without_repeats(rows: DataFrame, source: Source) -> DataFrame:
    """Add `_repeat`: whether a row is identical to an earlier one of its file; false if the source keeps those."""
    if source.repeats == "keep":
        return rows.selectExpr("*", "false as _repeat")
    named = ", ".join(f"`{name}`" for name in [*source.named_columns(), "_rest"])
    return rows.selectExpr("*", f"row_number() over (partition by _day, _file, {named} order by _row) > 1 as _repeat")


def without_repeated_keys(
    staged: DataFrame, source: Source, tables: Mapping[str, type[Table]], staging: Staging
) -> DataFrame:
    """Mark good rows of a feed of events that repeat a key on a day; without such rows, nothing is written."""
    for name, fill in source.fills.items():
        if source.delivers != "events" or fill.one_row_per or fill.each:
            continue
        table = tables[fill.table]
        keys = [f"{sql} as `{key}`" for key, sql in _key_columns(name, table).items()]
        if has_repeats(staged.where(is_good(name)).selectExpr("_day", *keys), ["_day", *table.keys]):
            staged = staging.materialize(_with_repeated_keys(staged, name, table))
    return staged


def _with_repeated_keys(staged: DataFrame, name: str, table: type[Table]) -> DataFrame:
    good, keys = is_good(name), ", ".join(_key_columns(name, table).values())
    rows, named = (
        f"over (partition by _day, {good}, {keys} order by {file_order('_file')}, _row)",
        ", ".join(table.keys),
    )
    reason = quoted(f"{table.name}: repeats the {named} of another row of the day")
    if table.personal:
        # A row of another person is not a repetition; the reason says so, since it may be an objection to messages.
        other = quoted(f"{table.name}: has the {named} of another person's row of the day")
        reason = f"if(_person.person_key <=> first_value(_person.person_key) {rows}, {reason}, {other})"
    repeated = f"({good} and row_number() {rows} > 1)"
    columns = (f"if({repeated}, array({reason}), _reasons) as _reasons", f"_twice or {repeated} as _twice")
    return staged.selectExpr(*(f"`{c}`" for c in staged.columns if c not in ("_reasons", "_twice")), *columns)


def _key_columns(name: str, table: type[Table]) -> dict[str, str]:
    return {key: "_person.person_key" if key == "person_key" else f"`_to_{name}`.`{key}`" for key in table.keys}


def marked(staged: DataFrame, bad: DataFrame, fill: Fill, table: type[Table], by_day: bool = True) -> DataFrame:
    """Add the reasons of a bad group to each of its rows, so that the whole group is quarantined together.

    A group is of one day or, without `by_day`, of all its days.
    """
    from pyspark.sql import functions as F  # noqa: N812

    on = ["_day", "_key"] if by_day else ["_key"]
    groups = bad.selectExpr("feed_day as _day", f"{stored_key_sql(fill)} as _key", "_why").groupBy(*on)
    whys = groups.agg(F.expr("array_distinct(flatten(collect_list(_why)))").alias("_why"))
    joined = with_key(staged, fill, table, "_key").join(whys, on, "left")
    open_row = "_why is not null and _drop is null"
    reasons_column = f"if({open_row}, array_union(_reasons, _why), _reasons) as _reasons"
    return joined.selectExpr(*(f"`{c}`" for c in staged.columns if c != "_reasons"), reasons_column)


def mapped(rows: DataFrame, source: Source, tables: dict[str, type[Table]]) -> DataFrame:
    """Map and check each row: adds `_reasons` (why it is bad), `_drop` (why it is left out) and a struct per fill.

    The raw columns stay, since fills with one row per group aggregate them afterwards.
    """
    checks: list[Check] = []
    structs = []
    for name, fill in source.fills.items():
        condition = accepted_sql(source, fill, tables[fill.table])
        fill_checks, sql = _fill(source, fill, tables[fill.table])
        checks += [Check(check.reason, f"({condition}) and ({check.bad})") for check in fill_checks]
        structs.append(f"if({condition}, {sql}, null) as `_to_{name}`")
    unread = "_broken is not null or _refused is not null"
    reasons_sql = f"case when {unread} then array(coalesce(_refused, _broken)) else {_reasons_sql(source, checks)} end"
    lists: dict[str, dict[str, str]] = {}
    for fill in (fill for fill in source.fills.values() if fill.each):
        lists.setdefault(str(fill.each), {}).update(element_parts(fill, tables[fill.table]))
    rows = rows.selectExpr("*", *(f"{elements_sql(name, parts)} as `_each_{name}`" for name, parts in lists.items()))
    fate = (f"{_drop(source)} as _drop", f"{reasons_sql} as _reasons", "false as _twice")
    return _computed(rows, source, tables, [*fate, *structs])


def _computed(rows: DataFrame, source: Source, tables: Mapping[str, type[Table]], columns: list[str]) -> DataFrame:
    """Add columns, computing what they share once; what grouped fills need of it stays as columns."""
    fills = [(fill, tables[fill.table]) for fill in source.fills.values()]
    parts = {sql: name for fill, table in fills for sql, name in shared_parts(fill, table).items()}
    elements = {s: f for fill, table in fills if fill.each for s, f in fields_of(element_parts(fill, table)).items()}
    grouped = [sql for fill, table in fills if fill.one_row_per for sql in group_columns(fill, table).values()]
    kept = " ".join(by_columns(sql, parts) for sql in grouped)
    needed = named_in(parts, *columns, *grouped)
    texts = [by_columns(sql, {**needed, **elements}) for sql in columns]
    computed = with_parts(rows, needed).selectExpr("*", *texts)
    return computed.drop(*(name for name in needed.values() if name not in kept))


def _reasons_sql(source: Source, checks: list[Check]) -> str:
    """SQL of the reasons of a row; none for rows that are left out on purpose."""
    return f"if({_drop(source)} is null, {reasons(checks)}, cast(array() as array<string>))"


def _drop(source: Source) -> str:
    cases = " ".join(f"when {where_sql(text)} then {quoted(reason)}" for reason, text in source.drops.items())
    nowhere = " and ".join(f"not {where_sql(fill.where)}" if fill.where else "false" for fill in source.fills.values())
    unread = "when _broken is not null or _refused is not null then null"
    repeat = "when _repeat then 'exact repeat of another row'"
    return f"case {unread} {repeat} {cases} when {nowhere} then 'in no fill' end"


def _fill(source: Source, fill: Fill, table: type[Table]) -> tuple[list[Check], str]:
    """Checks and SQL of the struct of one fill. Of a grouped fill, only the checks of single rows."""
    key, name = "_person.person_key", table.name
    person = [Check(f"{name}: no person is identified", f"{key} is null")] if "person_key" in table.keys else []
    if fill.one_row_per:
        checks = [c for text in fill.columns.values() for c in cast_checks(members(parse(text).tree, fill.each), name)]
        groups = [Check(f"{name}: {text} is missing", f"({group_sql(text)}) is null") for text in fill.one_row_per]
        checks = [*list_checks(fill.each, name, checks), empty_check(fill.each, name)] if fill.each else checks
        return [*person, *checks, *groups], "struct(1 as grouped)"
    columns = per_row(fill, table)
    values = {column.name: column.sql for column in columns}
    faults = {column.name: " or ".join(f"({c.bad})" for c in column.checks) for column in columns}
    checks = [check for column in columns for check in column.checks]
    checks += constraint_checks(table, values, faults)
    checks += ahead_checks(source, table, values, "_day")
    fields = ", ".join(f"{column.sql} as `{column.name}`" for column in columns)
    if fill.each:
        lists = whole_list(source, table)
        rows = rows_of_whole_list(fill.each, values, lists.elements) if lists else rows_sql(fill.each, fields)
        return [*person, *list_checks(fill.each, name, checks)], rows
    return [*person, *checks], f"struct({fields})"


def rows_of(
    staged: DataFrame,
    name: str,
    source: Source,
    table: type[Table],
    groups: DataFrame | None = None,
    across: AcrossDays | None = None,
) -> DataFrame:
    """Rows of one Table from accepted mapped rows, with person_key, `feed_day`, `_file`, `_row` and their place in it.

    `groups` is the result of `groups_of`, if it is computed already.
    """
    fill = source.fills[name]
    person = ["_person.person_key as person_key"] if table.personal else []
    if fill.one_row_per:
        rows = (groups_of(staged, name, source, table, across) if groups is None else groups).drop("_why")
        rows = rows.selectExpr("*", f"0 as {PLACE}")
    else:
        accepted = accepted_rows(staged, name)
        struct, place = f"`_to_{name}`", "0"
        if fill.each:
            accepted = accepted.selectExpr("*", f"explode({struct}) as {ELEMENT}")
            # The position in the list orders the table rows of one feed row.
            struct, place = ELEMENT, f"{ELEMENT}._position"
        named = [f"{struct}.`{column}` as `{column}`" for column in fill.columns]
        named += _address(source, table, struct)
        rows = accepted.selectExpr(*person, *named, "_day as feed_day", "_file", "_row", f"{place} as {PLACE}")
    values = dict.fromkeys(table.columns, "null")
    if table.channel_column and not fill.one_row_per:
        values |= {name: f"`_{name}`" for name in ADDRESS}
    missing = [f"cast({values[n]} as {c.type}) as `{n}`" for n, c in table.columns.items() if n not in rows.columns]
    return rows.selectExpr("*", *missing).drop(*(f"_{name}" for name in ADDRESS))


ADDRESS = ("address_kind", "address_hash")


def _address(source: Source, table: type[Table], struct: str) -> list[str]:
    """SQL columns of the address that a message went to: the person's identifier that its channel reaches."""
    if not table.channel_column:
        return []
    reached = []
    for n, item in enumerate(source.person):
        if item.kind in REACHES:
            channels = ", ".join(map(quoted, REACHES[item.kind]))
            reached.append((f"{struct}.`{table.channel_column}` in ({channels}) and _person.id{n} is not null", n))
    kinds = " ".join(f"when {sql} then {quoted(source.person[n].kind)}" for sql, n in reached)
    hashes = " ".join(f"when {sql} then _person.hash{n}" for sql, n in reached)
    cases = zip(ADDRESS, (kinds, hashes), strict=True)
    return [f"{f'case {sql} end' if sql else 'cast(null as string)'} as _{name}" for name, sql in cases]


def identifiers_sql(source: Source) -> str:
    """SQL of the identifiers of a row, as an array of comparable strings of kind, scope and value."""
    texts = (
        comparable_sql(quoted(item.kind), quoted(item.scope), f"_person.id{n}") for n, item in enumerate(source.person)
    )
    return f"array_compact(array({', '.join(texts)}))" if source.person else "cast(array() as array<string>)"

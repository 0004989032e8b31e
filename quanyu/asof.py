"""Facts and features as of a day: events before its end, as known on it, by customer; one pass per view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from quanyu import discover
from quanyu.errors import ConfigError
from quanyu.expressions import parse, qualifiers, to_sql, two_valued
from quanyu.feature import FeatureView, reach
from quanyu.job import Job
from quanyu.lake import Lake, place_of
from quanyu.lake.receipt import Receipt
from quanyu.literals import dates
from quanyu.run import Context, Outcome, Step
from quanyu.table import Table

if TYPE_CHECKING:
    from pyspark.sql import Column as Expression
    from pyspark.sql import DataFrame

IDENTITIES = "gold/identities"


def steps(catalogue: discover.Catalogue) -> list[Step]:
    """List a step for every view."""
    return [_step(view, catalogue.tables) for view in catalogue.views.values()]


def _step(view: type[FeatureView], tables: Mapping[str, type[Table]]) -> Step:
    reads = sorted({*sources_of(view.over), *_referred(view, tables), IDENTITIES, "silver/identifiers"})
    return Step(
        name=f"features.{view.name}", room="features", reads=tuple(reads), writes=(f"gold/{view.name}",), as_of=True,
        definition=view.definition(), do=partial(_write, view=view), describes=" ".join((view.__doc__ or "").split()),
    )  # fmt: skip


def sources_of(table: type[Table]) -> list[str]:
    """Places that the facts of a table come from: itself in silver, or what its job reads."""
    if table.layer == "silver":
        return [place_of(table)]
    return [place_of(read) for read in _job_of(table).reads]


def _job_of(table: type[Table]) -> Job:
    for job in discover.jobs_in("jobs.unify"):
        if job.writes.name == table.name:
            return job
    raise ConfigError(f"{table.name}: facts come from silver, or from a job of jobs/unify that writes them")


def _referred(view: type[FeatureView], tables: Mapping[str, type[Table]]) -> list[str]:
    return [place_of(tables[name]) for name in qualifiers(_texts(view))]


def _texts(view: type[FeatureView]) -> list[str]:
    wheres = [feature.where for feature in view.features.values()]
    texts = [*(feature.expression for feature in view.features.values()), *wheres, view.where]
    return [text for text in texts if text]


def people(lake: Lake, identities: type[Table]) -> DataFrame:
    """Person to customer, as known today: source, person_key, customer_id."""
    return lake.table(identities).where("valid_to is null").select("source", "person_key", "customer_id")


def redirects(lake: Lake) -> dict[str, str]:
    """Ids that ended in a merge, each with the id that goes on today."""
    if not lake.exists("gold/identity_events"):
        return {}
    columns = ["number", "event", "customer_id", "other_id", "source", "person_key"]
    rows = lake.arrow("gold/identity_events").to_table(columns=columns).sort_by("number").to_pandas()
    alive = set(rows.drop_duplicates(["source", "person_key"], keep="last")["customer_id"])
    ended = rows[rows["event"] == "merge"].drop_duplicates("other_id", keep="last")
    into = dict(zip(ended["other_id"], ended["customer_id"], strict=True))
    return {one: last for one in into if one not in alive and (last := _followed(one, into, alive)) is not None}


def parted(lake: Lake, since: date) -> set[tuple[str, str]]:
    """Pairs of ids of which the second came out of the first in a split on this day or after."""
    if not lake.exists("gold/identity_events"):
        return set()
    from pyarrow import compute

    chosen = (compute.field("event") == "split") & (compute.field("day") >= since)
    rows = lake.rows("gold/identity_events", ["other_id", "customer_id"], chosen)
    return set(zip(rows["other_id"].to_pylist(), rows["customer_id"].to_pylist(), strict=True))


def _followed(one: str, into: Mapping[str, str], alive: set[str]) -> str | None:
    seen = {one}
    while one not in alive:
        one = into.get(one, one)
        if one in seen:
            return None
        seen.add(one)
    return one


def facts(context: Context, table: type[Table], *days: date) -> DataFrame:
    """Rows of a table of facts up to the end of each day, as known on it: with `as_of`, and for facts about persons
    with `customer_id` (null for nobody known)."""
    tables, lake = context.catalogue.tables, context.lake
    if table.layer == "gold":
        job = _job_of(table)
        made = (job(*(facts(context, read, day).drop("as_of") for read in job.reads)) for day in days)
        dated = (rows.selectExpr("*", f"date'{day}' as as_of") for rows, day in zip(made, days, strict=True))
        return reduce(lambda one, other: one.unionByName(other), dated).where(_before_end(table))
    rows = _of_days(lake.table(table), days).where(_AS_KNOWN)
    if table.happens:
        rows = rows.where(_before_end(table))
    if not table.personal:
        return rows
    return rows.join(people(lake, tables["identities"]), ["source", "person_key"], "left")


_AS_KNOWN = "recorded_on <= as_of and (replaced_on is null or replaced_on > as_of)"


def _of_days(rows: DataFrame, days: Sequence[date]) -> DataFrame:
    """Repeat rows for each of the days they are asked for, in one pass over them."""
    if len(days) == 1:
        return rows.selectExpr("*", f"date'{days[0]}' as as_of")
    return rows.where(f"recorded_on <= date'{max(days)}'").selectExpr("*", f"explode(array({dates(days)})) as as_of")


def _before_end(table: type[Table]) -> str:
    """Condition of rows before the end of their `as_of`, in the session's zone, which is the retailer's."""
    return f"`{table.happens}` < cast(date_add(as_of, 1) as timestamp)" if table.happens else "true"


def customers_known(context: Context, *days: date) -> DataFrame:
    """Every customer of whom anything was known at the end of each day: customer_id, as_of."""
    tables = context.catalogue.tables
    known = facts(context, tables["identifiers"], *days).where("customer_id is not null")
    return known.select("customer_id", "as_of").distinct()


def with_referred(
    context: Context, rows: DataFrame, table: type[Table], texts: Sequence[str], *days: date
) -> DataFrame:
    """Join the tables that expressions name, each once, its columns in a struct named as the table."""
    for name in qualifiers(texts):
        other = context.catalogue.tables[name]
        by = next(column for column, told in table.columns.items() if told.refers == name)
        fields = ", ".join(f"`{column}`" for column in other.columns)
        key = f"`{other.keys[0]}`"
        newest = f"row_number() over (partition by {key}, as_of order by recorded_on desc, source) as _n"
        known = facts(context, other, *days)
        wanted = known.selectExpr(f"{key} as `{by}`", "as_of", f"struct({fields}) as `{name}`", newest).where("_n = 1")
        rows = rows.join(wanted.drop("_n"), [by, "as_of"], "left")
    return rows


def aggregate(text: str, when: str | None, types: Mapping[str, str]) -> str:
    """SQL of one feature: each aggregate over the rows of its window only; money is summed as integer cents."""
    tree: Any = parse(text).tree.copy()
    condition = f" filter (where {when})" if when else ""
    found: list[exp.Expression] = list(tree.find_all(exp.AggFunc))
    for node in found:
        if node.find_ancestor(exp.AggFunc):
            continue
        inner = _summed(node, types) or to_sql(node)
        made = exp.Var(this=_filtered(inner, condition))
        tree = made if node is tree else (node.replace(made) and tree)
    zero = isinstance(parse(text).tree, exp.Count | exp.Sum)
    sql = tree.sql(dialect="spark")
    return f"coalesce({sql}, 0)" if zero else sql


def _summed(node: exp.Expression, types: Mapping[str, str]) -> str | None:
    if not isinstance(node, exp.Sum) or not isinstance(node.this, exp.Column):
        return None
    column = to_sql(node.this)
    return f"sum(cast({column} * 100 as bigint))/100" if types.get(node.this.name) == "decimal(18,2)" else None


def _filtered(inner: str, condition: str) -> str:
    """Put the condition behind the aggregate itself, not behind what is done with its result."""
    if inner.endswith(")/100"):
        return f"cast({inner.removesuffix('/100')}{condition} / 100 as decimal(18,2))"
    return f"{inner}{condition}"


def computed(context: Context, view: type[FeatureView], *days: date) -> DataFrame:
    """Features and tags of a view as of each of the days, in one pass: customer_id, as_of, features, tags.

    A customer without rows in a window has 0 for counts and sums, and null for the rest.
    """
    from pyspark.sql import functions as F  # noqa: N812

    texts = _texts(view)
    rows = facts(context, view.over, *days).where("customer_id is not null")
    rows = with_referred(context, rows, view.over, texts, *days)
    types = reach(view.over, context.catalogue.tables)
    if view.where:
        rows = rows.where(to_sql(two_valued(parse(view.where).tree)))
    made: list[Expression] = [
        F.expr(aggregate(f.expression, _when(view, name), types)).alias(name) for name, f in view.features.items()
    ]
    found = _with_everybody(rows.groupBy("customer_id", "as_of").agg(*made), customers_known(context, *days), view)
    typed = [f"cast(`{name}` as {kind}) as `{name}`" for name, kind in view.types().items() if name in view.features]
    tags = [f"{to_sql(two_valued(parse(tag.expression).tree))} as `{name}`" for name, tag in view.tags.items()]
    return found.selectExpr("customer_id", "as_of", *typed).selectExpr("*", *tags)


def _with_everybody(found: DataFrame, everybody: DataFrame, view: type[FeatureView]) -> DataFrame:
    zeros = [name for name, f in view.features.items() if isinstance(parse(f.expression).tree, exp.Count | exp.Sum)]
    joined = everybody.join(found, ["customer_id", "as_of"], "left")
    return joined.fillna(0, subset=zeros) if zeros else joined


def _when(view: type[FeatureView], name: str) -> str | None:
    feature = view.features[name]
    window, parts = view.window(feature), []
    if window is not None:
        parts.append(since(view.over, window))
    if feature.where:
        parts.append(to_sql(two_valued(parse(feature.where).tree)))
    return " and ".join(parts) or None


def since(table: type[Table], window: int) -> str:
    """Condition of rows within so many days that end with `as_of`, its day included."""
    return f"`{table.happens}` >= cast(date_add(as_of, {1 - window}) as timestamp)"


def _write(context: Context, receipt: Receipt, view: type[FeatureView]) -> Outcome:
    table = context.catalogue.tables[view.name]
    written = context.lake.sync(
        table, computed(context, view, context.day), receipt, part=f"as_of = date'{context.day}'"
    )
    total = written.inserted + written.updated + written.unchanged
    facts_told = {"tags": _coverage(context, table, view)} if view.tags else {}
    return Outcome(rows_in=total, rows_out=written.changed, unchanged=written.unchanged, facts=facts_told)


def _coverage(context: Context, table: type[Table], view: type[FeatureView]) -> dict[str, int]:
    from pyspark.sql import functions as F  # noqa: N812

    rows = context.lake.table(table).where(f"as_of = date'{context.day}'")
    counted = rows.agg(*(F.expr(f"count_if(`{tag}`)").alias(tag) for tag in view.tags)).collect()[0]
    return {f"{view.name}.{tag}": counted[tag] for tag in view.tags}

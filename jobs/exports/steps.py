"""Steps of exports: who of an audience may go to a platform on a day, shaped and hashed here, delivered as one set."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from jobs.exports import hashing
from jobs.exports.platform import Delivered, Platform
from jobs.exports.platforms.drop import Drop
from quanyu import asof, discover
from quanyu.audience import Audience
from quanyu.declare import digest
from quanyu.errors import QuanyuError
from quanyu.files import Bucket, folder, open_bucket
from quanyu.lake.receipt import Receipt
from quanyu.run import Context, Outcome, Step
from quanyu.settings import Settings, secret

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

READS = ("gold/memberships", "gold/identities", "gold/customers", "silver/identifiers")
Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Counted:
    """Customers of an audience on a day: members are the sum of those held out, held back, unreachable and exported."""

    members: int
    holdout: int
    without_consent: int
    without_identifier: int = 0
    customers: int = 0

    def notes(self, audience: Audience) -> tuple[str, ...]:
        """Say in words who was kept back, and why nothing went out where nothing did."""
        told = (
            (self.without_consent, f"without consent to {audience.purpose} held back"),
            (self.holdout, "of the holdout kept out"),
            (self.without_identifier, "without an identifier that the platform takes"),
        )
        notes = [f"{count} {words}" for count, words in told if count]
        if self.without_consent and self.without_consent == self.members - self.holdout:
            notes.insert(0, "nothing exported: no consent on record")
        return tuple(notes)


def platforms() -> dict[str, type[Platform]]:
    """Every platform by the name of its file, which is what audiences write under send_to."""
    found = discover.subclasses(discover.modules("jobs.exports.platforms"), Platform)
    return {platform.__module__.rpartition(".")[2]: platform for platform in found}


def steps(catalogue: discover.Catalogue) -> list[Step]:
    """List a step for every audience and platform that it is sent to."""
    known = platforms()
    pairs = [(audience, name) for audience in catalogue.audiences.values() for name in audience.send_to]
    return [_step(catalogue.settings, audience, name, known[name]) for audience, name in pairs]


def _step(settings: Settings, audience: Audience, name: str, platform: type[Platform]) -> Step:
    code = [inspect.getsource(sys.modules[module]) for module in (__name__, hashing.__name__, platform.__module__)]
    return Step(
        name=f"export.{audience.name}.{name}", room="exports", reads=READS, writes=(), as_of=True,
        definition=digest([audience.digest(), settings.drop.model_dump(), code]),
        do=partial(export, audience=audience, name=name, platform=platform),
        describes=f"Sends the members of {audience.name} who consented to {audience.purpose} to {name}.",
    )  # fmt: skip


def export(context: Context, receipt: Receipt, audience: Audience, name: str, platform: type[Platform]) -> Outcome:
    """Deliver the whole audience of the day, and keep what became of it in the store."""
    members = standing(context, audience)
    counted = counts(members)
    kinds = platform.identifiers()
    rows, reached = [], 0
    for own in shaped(platform, identified(context, members, kinds) if _reachable(counted) else ()):
        rows += own
        reached += bool(own)
    without = counted.members - counted.holdout - counted.without_consent - reached
    counted = Counted(counted.members, counted.holdout, counted.without_consent, without, reached)
    facts = {
        "counts": asdict(counted), "definition": audience.digest(), "purpose": audience.purpose,
        "hash": {kind: form.hash for kind, form in platform.forms.items()}, "tables": receipt.inputs,
    }  # fmt: skip
    delivered = _deliver(context, audience, name, platform, rows, facts)
    told = {**asdict(counted), "location": delivered.location, "parts": delivered.parts, "rows": delivered.rows}
    return Outcome(counted.members, reached, notes=counted.notes(audience), facts=told)


def _reachable(counted: Counted) -> bool:
    return counted.members > counted.holdout + counted.without_consent


def standing(context: Context, audience: Audience) -> DataFrame:
    """Members as of the day: customer_id, holdout, and whether the consent that the audience needs is on record now."""
    from pyspark.sql import functions as F  # noqa: N812

    tables, lake = context.catalogue.tables, context.lake
    stays = lake.table(tables["memberships"]).where(F.col("audience") == audience.name)
    day = F.lit(context.day)
    stays = stays.where((F.col("entered_on") <= day) & (F.col("left_on").isNull() | (F.col("left_on") > day)))
    given = F.col(f"consent_{audience.purpose}").alias("given")
    joined = stays.join(lake.table(tables["customers"]).select("customer_id", given), "customer_id", "left")
    return joined.select("customer_id", "holdout", F.coalesce("given", F.lit(False)).alias("consented"))


def counts(members: DataFrame) -> Counted:
    """Count the members, the holdout, and those of the rest who did not consent, in one pass."""
    from pyspark.sql import functions as F  # noqa: N812

    held, refused = F.col("holdout"), ~F.col("holdout") & ~F.col("consented")
    row = members.agg(F.count("*").alias("n"), F.count_if(held).alias("h"), F.count_if(refused).alias("w")).collect()[0]
    return Counted(row["n"], row["h"], row["w"])


def identified(context: Context, members: DataFrame, kinds: Sequence[str]) -> Iterator[Mapping[str, Sequence[str]]]:
    """Stream who may go, without their ids: the values of each kind that is wanted, the one told last first."""
    from pyspark.sql import functions as F  # noqa: N812

    going = members.where(~F.col("holdout") & F.col("consented")).select("customer_id")
    known = asof.facts(context, context.catalogue.tables["identifiers"], context.day)
    known = known.where(F.col("kind").isin(*kinds)).join(going, "customer_id")
    told = known.groupBy("customer_id", "kind", "value").agg(F.max("recorded_on").alias("seen"))
    ranked = [
        F.sort_array(F.collect_list(F.when(F.col("kind") == kind, F.struct("seen", "value"))), asc=False).alias(kind)
        for kind in kinds
    ]
    listed = told.groupBy("customer_id").agg(*ranked)
    values = (f"transform(`{kind}`, entry -> entry.value) as `{kind}`" for kind in kinds)
    for row in listed.selectExpr(*values).toLocalIterator():
        yield row.asDict()


def shaped(platform: type[Platform], customers: Iterable[Mapping[str, Sequence[str]]]) -> Iterator[list[Row]]:
    """Give each customer's rows: identifiers side by side by rank, so that each stands in a row, not in every pair."""
    kinds = platform.identifiers()
    for customer in customers:
        ranks = zip_longest(*(customer.get(kind) or () for kind in kinds))
        rows = [platform.shape(dict(zip(kinds, values, strict=True))) for values in ranks]
        yield [row for row in dict.fromkeys(rows) if any(value is not None for value in row)]


def destination(settings: Settings) -> Bucket:
    """Open the bucket of the settings, or the folder of the home where none is set."""
    drop = settings.drop
    if drop.bucket is None:
        return folder(settings.home / "exports")
    keys = {"access_key": secret(drop.access_key) or None, "secret_key": secret(drop.secret_key) or None}
    return open_bucket(drop.bucket, endpoint_url=drop.endpoint, region=drop.region, **keys)


def _deliver(
    context: Context, audience: Audience, name: str, platform: type[Platform], rows: list[Row], facts: Mapping[str, Any]
) -> Delivered:
    opened = platform(context.settings.drop.max_rows) if issubclass(platform, Drop) else platform()
    task = f"{audience.name}.{name}"
    try:
        bucket = destination(context.settings)
        delivered = opened.deliver(bucket, audience.name, context.day, rows, platform.columns(), facts)
    except QuanyuError as error:
        context.store.exports.record(task, context.day, "failed", None, {**facts, "reason": str(error)})
        raise
    told = {**facts, "parts": delivered.parts, "rows": delivered.rows}
    context.store.exports.record(task, context.day, "delivered", delivered.location, told)
    return delivered

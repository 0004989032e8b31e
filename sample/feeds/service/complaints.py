"""Complaints: a row whenever one is opened, handed on or closed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.columns.strings import Ints, choose, dates, digits, join, objects, quoted, times, when
from sample.events.complaints import CHANNELS, STATUSES
from sample.facts import DayFacts
from sample.feeds.service.written import tell_signs
from sample.trade.orders import order_no, receipt_no
from sample.world import World
from sample.write import Out

OWNERS = ("客诉组-王敏", "客诉组-李倩", "客诉组-赵磊", "客诉组-周婷")


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write the complaints that change today, each with all its columns."""
    rows = facts.extras["complaints"]
    if rows is None:
        return
    persons, opened, store = rows["person"], rows["opened"], rows["store"]
    day = pc.replace_substring(dates(opened, world.start), "-", "")
    keys = join("K", day, digits(rows["number"] + 1, 4))
    member = (world.joined[persons] <= opened) & (rows["number"] % 5 > 0)
    owner = when(rows["status"] == 0, OWNERS[0], choose(OWNERS, rows["number"] % len(OWNERS)))
    first = times(opened, rows["second"], world.start)
    now = times(np.full(len(persons), facts.day), rows["second"], world.start)
    columns = {
        "complaint_id": quoted(keys),
        "channel": quoted(choose(CHANNELS, rows["channel"])),
        "mobile": quoted(world.people.phone(persons, opened)),
        "member_no": quoted(when(member, world.people.member_no(persons), None)),
        "text": quoted(join(pa.array(rows["text"].tolist()), _cited(world, rows))),
        "at": quoted(first),
        "store_no": quoted(choose(world.stores.no, store)),
        "owner": quoted(owner),
        "status": quoted(choose(STATUSES, rows["status"])),
        "updated_at": quoted(now),
    }
    out.jsonl("complaints.jsonl", objects(columns))
    new = np.flatnonzero(rows["status"] == 0)
    out.records(keys.take(pa.array(new)), persons[new])
    labels = [
        pa.array(rows[name][new].tolist(), kind)
        for name, kind in (("topic", pa.string()), ("mood", pa.string()), ("spam", pa.bool_()))
    ]
    out.texts(keys.take(pa.array(new)), *labels)
    tell_signs(out, "complaints.jsonl", keys, {name: rows[name] for name in ("emoji", "traditional", "spam")})


def _cited(world: World, rows: dict[str, Ints]) -> pa.Array:
    """Return how the complaint's text refers to the purchase, where it does."""
    cited = np.full(len(rows["person"]), "", object)
    for bought in np.unique(rows["bought"][rows["cites"]]):
        facts = world.recent(int(bought))
        chosen = np.flatnonzero(rows["cites"] & (rows["bought"] == bought))
        if facts:
            numbers = rows["basket"][chosen]
            online = facts.baskets.channel[numbers] > 0
            for mask, name in ((online, order_no(world, facts, numbers)), (~online, receipt_no(facts, numbers))):
                cited[chosen[mask]] = join("，单号", name.filter(pa.array(mask))).to_pylist()
    return pa.array(cited.tolist(), pa.string())

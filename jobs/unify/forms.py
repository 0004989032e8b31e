"""How numbers are made of what lies in silver, as hashes: what was remembered in another form is no longer of use."""

from __future__ import annotations

import inspect
from datetime import date

from jobs.unify import changes, memory, normalise, numbers, records, silver, texts
from jobs.unify.matching import fields, households, levels, names, scoring
from jobs.unify.matching import model as weights
from jobs.unify.memory import Seen
from quanyu.declare import digest
from quanyu.identity import Match
from quanyu.lake.changes import Mark, mark
from quanyu.run import Context


def of_comparison(match: Match) -> int:
    """Form in which records are prepared and compared."""
    code = [inspect.getsource(module) for module in (fields, names, levels, households, weights, scoring)]
    return _hash([code, [block.same for block in match.blocks]])


def seen(context: Context, day: date) -> Seen:
    """The state of silver as it lies there now, to be taken as of a day."""
    identifiers, people = (
        mark(context.lake.path(place)) or Mark("", -1) for place in (silver.IDENTIFIERS, silver.PEOPLE)
    )
    identity = context.catalogue.identity
    house = {
        kind: sorted(records.of_the_house(context, kind, blocked.masters)) for kind, blocked in identity.blocked.items()
    }
    compared = of_comparison(identity.match)
    code = (changes, memory, normalise, numbers, records, silver, texts)
    form = _hash([
        compared, [inspect.getsource(module) for module in code],
        identity.model_dump(mode="json", include={"blocked"}), house, silver.parties(context.catalogue),
        records.salt_of(context.settings), identifiers.table, people.table,
    ])  # fmt: skip
    return Seen((day - changes.EPOCH).days, identifiers.version, people.version, form, compared)


def _hash(told: object) -> int:
    return int(digest(told), 16) >> 1

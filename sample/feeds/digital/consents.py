"""Consents: asked for when people join, changed later, and sometimes different between a person's identifiers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sample.columns import Array
from sample.columns.chance import pick, scatter, uniform
from sample.columns.strings import choose, digits, join, opaque, same, times
from sample.facts import DayFacts
from sample.retailer.places import NEVER
from sample.world import World
from sample.write import Out

PURPOSES = ("ads", "messages", "analytics", "data_sharing")
CHANNELS = ("any", "email", "sms", "wecom", "mini_program", "phone")
KINDS = ("member", "phone", "openid")
# By purpose: the shares that say yes, say no, and do not answer.
ANSWERS = ((0.52, 0.3, 0.18), (0.62, 0.24, 0.14), (0.7, 0.2, 0.1), (0.3, 0.5, 0.2))
STATES = ("Y", "N", "")
EVIDENCE = ("入会协议", "小程序弹窗", "门店纸质单", "客服来电")
CONFLICTS, CHANGES = 0.015, 0.0004


def write(world: World, facts: DayFacts, out: Out) -> None:
    """Write the day's answers: of new members (all members on the first day), changed answers, and conflicts.

    A day without answers has a file with only its header: it reports that nobody withdrew.
    """
    rows = _rows(world, facts)
    people, person, count = world.people, rows["person"], len(rows["person"])
    names = (people.member_no(person), people.member_phone(person, facts.day), people.openid(person))
    subject = names[0]
    for kind in (1, 2):
        subject = pa.compute.if_else(pa.array(rows["kind"] == kind), names[kind], subject)
    mixed = scatter(world.seed, "consent", person, rows["purpose"], rows["kind"], facts.day)
    ids = join("C", opaque(mixed, 16, hexadecimal=True))
    columns = {
        "consent_id": ids, "subject_kind": choose(KINDS, rows["kind"]), "subject": subject,
        "purpose": choose(PURPOSES, rows["purpose"]), "channel": choose(CHANNELS, rows["channel"]),
        "state": choose(STATES, rows["state"]),
        "changed_at": times(np.full(count, facts.day), 32_400 + (mixed % np.uint64(40_000)).astype(int), world.start),
        "evidence": choose(EVIDENCE, (mixed % np.uint64(4)).astype(int)),
        "policy": join("v", digits(np.full(count, 1 + facts.day // 180 % 9), 1), same(".0", count)),
    }  # fmt: skip
    out.csv("consents.csv", pa.table(columns))
    out.records(ids, person)
    for mask, text in (
        (rows["conflict"] == 1, ("conflicting consent", "accepted", "the same person says otherwise by another name")),
        (
            (rows["state"] == 2) & (rows["conflict"] == 0),
            ("no answer", "repaired", "no record comes of an empty state"),
        ),
    ):
        places = np.flatnonzero(mask)
        out.flaws("consents.csv", places + 1, ids.take(pa.array(places)), *text)


def _rows(world: World, facts: DayFacts) -> dict[str, Array]:
    day, joined = facts.day, world.joined
    new = np.flatnonzero((joined < NEVER) & (joined <= 0)) if day == 0 else facts.joined
    changed = np.flatnonzero((joined < day) & (uniform(world.seed, "mind", np.arange(len(joined)), day) < CHANGES))
    new_members = np.repeat(new, len(PURPOSES))
    purpose = np.tile(np.arange(len(PURPOSES)), len(new))
    chance = uniform(world.seed, "answer", new_members, purpose)
    state = np.select([purpose == place for place in range(4)], [pick(shares, chance) for shares in ANSWERS], 0)
    later = pick((3, 4, 1, 1), uniform(world.seed, "mind about", changed, day))
    mind = (uniform(world.seed, "mind to", changed, day) < 0.6).astype(int)
    person = np.concatenate([new_members, changed])
    purpose, state = np.concatenate([purpose, later]), np.concatenate([state, mind])
    conflict = (uniform(world.seed, "conflict", person, purpose, day) < CONFLICTS) & (state < 2)
    kind = np.where((purpose == 2) & world.people.app[person], 2, 0)
    conflict &= kind == 0
    channel = np.where(purpose == 1, (scatter(world.seed, "consent channel", person) % np.uint64(4)).astype(int), 0)
    columns = {
        "person": person,
        "purpose": purpose,
        "state": state,
        "kind": kind,
        "channel": channel,
        "conflict": conflict.astype(int),
    }
    contradictions = {name: column[conflict] for name, column in columns.items()}
    contradictions["state"], contradictions["kind"] = (
        1 - contradictions["state"],
        np.ones(len(contradictions["kind"]), np.int64),
    )
    return {name: np.concatenate([columns[name], contradictions[name]]) for name in columns}

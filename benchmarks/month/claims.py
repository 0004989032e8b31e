"""The three claims: nobody outside consent, nobody twice, nobody forgotten without a row with the reason."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from benchmarks.month.oracle import OracleFacts
from benchmarks.month.server import Accepted

AUDIENCE, SEED, SENDER = "recent", "loyal_seed", "month.example"
# Numbers of the journey's steps that are messages.
MESSAGES = (1, 3)
# The journey's shortest time between two entries.
REENTRY_DAYS = 7
# Statuses that need no reason, and those that may wait for a later run.
ENDED, WAITS = ("sent", "unknown"), ("planned",)


@dataclass
class Claims:
    """Violations of each claim, in words, and counts."""

    outside: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def hold(self) -> bool:
        """Whether there is no violation."""
        return not (self.outside or self.twice or self.forgotten)


def check_consent(claims: Claims, facts: OracleFacts, run: str, accepted: Iterable[Accepted], closed: str = "") -> None:
    """Check the messages that the server accepted in one run against all landed files.

    `closed` is a reason why nothing may be sent at all.
    """
    for one in accepted:
        if reason := closed or facts.why_not(one.to):
            claims.outside.append(f"{run}: {one.to} got a message: {reason}")


def check_holdout(claims: Claims, home: Path, run: str, accepted: Sequence[Accepted]) -> None:
    """Nobody in the holdout gets a message, nor does an address that somebody in the holdout shares."""
    if not accepted:
        return
    out = {stay["customer_id"] for stay in stays(home) if stay["holdout"]}
    current = [row for row in table(home, "identities") if row["valid_to"] is None]
    customers = {(row["source"], row["person_key"]): row["customer_id"] for row in current}
    identifiers = [
        row for row in table(home, "identifiers", "silver") if row["kind"] == "email" and not row["replaced_on"]
    ]
    theirs = {row["value"].lower() for row in identifiers if customers.get((row["source"], row["person_key"])) in out}
    claims.outside += [
        f"{run}: {one.to} is in the holdout, or shared with somebody in it" for one in accepted if one.to in theirs
    ]


def check_seed(claims: Claims, facts: OracleFacts, home: Path, on: date) -> None:
    """Check the addresses of the seed of a day, by consent to ads."""
    owners = {hashlib.sha256(address.encode()).hexdigest(): address for address in facts.members.email if address}
    for part in sorted((home / "exports").glob(f"*/drop/{SEED}/dt={on}/run=*/full-*.csv.gz")):
        with gzip.open(part, "rt", encoding="utf-8") as rows:
            hashes = [row["email_sha256"] for row in csv.DictReader(rows) if row["email_sha256"]]
        claims.counts["addresses in seeds"] += len(hashes)
        for hashed in hashes:
            reason = facts.why_not(owners[hashed], "ads") if hashed in owners else "no member has it"
            if reason:
                claims.outside.append(f"{on}: the seed contains {owners.get(hashed, hashed)}: {reason}")


def check_twice(claims: Claims, home: Path, accepted: Sequence[Accepted], facts: OracleFacts) -> None:
    """No message is accepted twice, and no step goes to a person again except for an entry some days later."""
    for name, many in Counter(one.message_id for one in accepted).items():
        if many > 1:
            claims.twice.append(f"{name} was accepted {many} times")
    messages = named(home)
    entries: dict[tuple[str, str], list[date]] = defaultdict(list)
    customers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in {one.message_id: one for one in accepted}.values():
        if one.message_id not in messages:
            claims.outside.append(f"{one.to} got a message, and no walk has the message {one.message_id}")
            continue
        walk, number = messages[one.message_id]
        entries[f"step {number}", walk["customer_id"]].append(walk["entered_on"])
        customers[f"step {number}", one.to].add(walk["customer_id"])
    for (step, customer), days in entries.items():
        if any((later - earlier).days < REENTRY_DAYS for earlier, later in pairwise(sorted(days))):
            claims.twice.append(
                f"{step} went to {customer} by entries too close to each other: {sorted(map(str, days))}"
            )
    for (step, to), several in customers.items():
        if len(several) > max(len(facts.showing(to)), 1):
            claims.twice.append(f"{step} went to {to} for {sorted(several)}, and fewer members have it")


def table(home: Path, name: str, layer: str = "gold") -> list[dict[str, Any]]:
    """Rows of a table of the home, read without the product; none where the table is missing."""
    place = home / "lake" / layer / name
    if not (place / "_delta_log").is_dir():
        return []
    return list(DeltaTable(place).to_pyarrow_table().to_pylist())


def stays(home: Path) -> list[dict[str, Any]]:
    """Stays in the journey's audience."""
    return [row for row in table(home, "memberships_customer") if row["audience"] == AUDIENCE]


def message_id(key: str) -> str:
    """The Message-ID of a message with this key."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{SENDER}>"


def named(home: Path) -> dict[str, tuple[dict[str, Any], int]]:
    """Walk and step of every possible Message-ID."""
    walks = table(home, "journey_instances")
    return {message_id(f"{walk['instance_id']}-{step}"): (walk, step) for walk in walks for step in MESSAGES}


def check_forgotten(
    claims: Claims, home: Path, accepted: Sequence[Accepted], entered: set[tuple[str, date]], last: date
) -> None:
    """Trace everybody who ever entered the audience to an accepted message, or to a row with the reason why not."""
    now = stays(home)
    for customer, on in sorted(entered - {(row["customer_id"], row["entered_on"]) for row in now}, key=str):
        claims.forgotten.append(f"{customer} entered on {on}, and there is no stay of it any more")
    walks = table(home, "journey_instances")
    begun = {(walk["customer_id"], walk["entered_on"]) for walk in walks}
    for stay in now:
        customer, on = stay["customer_id"], stay["entered_on"]
        claims.counts["entries"] += 1
        if stay["holdout"]:
            claims.counts["entries held out"] += 1
        elif (customer, on) not in begun and any((customer, on - timedelta(n)) in begun for n in range(REENTRY_DAYS)):
            claims.counts["entries too soon after another"] += 1
        elif (customer, on) not in begun:
            claims.forgotten.append(f"{customer} entered on {on}, and has no walk")
    _check_walks(claims, home, walks, accepted, last)


def _check_walks(
    claims: Claims, home: Path, walks: list[dict[str, Any]], accepted: Sequence[Accepted], last: date
) -> None:
    decided = {(row["instance_id"], row["step"]): row["decision"] for row in table(home, "decisions")}
    accepted_ids = {one.message_id for one in accepted}
    fates = {row["key"]: row for row in table(home, "deliveries")}
    for walk in walks:
        name = walk["instance_id"]
        if walk["status"] == "active" and walk["due_on"] <= last:
            claims.forgotten.append(f"the walk {name} was due on {walk['due_on']} and did not continue")
        for step in MESSAGES:
            decision, key = decided.get((name, step)), f"{name}-{step}"
            if decision == "message":
                _check_message(claims, key, fates.get(key, {}), message_id(key) in accepted_ids)
            elif decision is not None:
                claims.counts[f"step {decision}"] += 1
            elif walk["status"] == "active" or walk["outcome"]:
                claims.counts[f"step not reached: {walk['outcome'] or 'still to come'}"] += 1
            else:
                claims.forgotten.append(f"the walk {name} ended without step {step}, and without a reason")


def _check_message(claims: Claims, key: str, fate: Mapping[str, Any], was_accepted: bool) -> None:
    status = fate.get("status")
    claims.counts[f"message {status}, {'accepted' if was_accepted else 'not accepted'}"] += 1
    if status is None:
        claims.forgotten.append(f"the message {key} was decided, and has no row of its outcome")
    elif status == "sent" and not was_accepted and "settled" not in (fate["reason"] or ""):
        claims.forgotten.append(f"the message {key} is marked as sent, and the server never accepted it")
    elif was_accepted and status not in ENDED and "settled" not in (fate["reason"] or ""):
        claims.twice.append(
            f"the message {key} was accepted by the server, and its row says {status}: it may be sent again"
        )
    elif not was_accepted and status not in (*ENDED, *WAITS) and not fate["reason"]:
        claims.forgotten.append(f"the message {key} is {status}, and its row has no reason")

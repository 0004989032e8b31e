"""The three claims: nobody outside consent, nobody twice, nobody forgotten without a row that says why."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd
from deltalake import DeltaTable

from benchmarks.month.oracle import Facts
from benchmarks.month.server import Accepted

JOURNEY, AUDIENCE = "thanks", "recent"
# Numbers of the journey's steps that are messages.
MESSAGES = (1, 3)
# What needs no reason besides itself, and what may wait for a later run.
ENDED, WAITS = ("sent", "unknown"), ("planned",)


@dataclass
class Claims:
    """What was found against each claim, in words."""

    outside: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def hold(self) -> bool:
        """Whether nothing was found."""
        return not (self.outside or self.twice or self.forgotten)


def check_consent(claims: Claims, facts: Facts, run: str, accepted: Iterable[Accepted], closed: str = "") -> None:
    """Judge what the server took in one run by what had landed before it; `closed` says why nothing may go out."""
    for one in accepted:
        if reason := closed or facts.why_not(one.to):
            claims.outside.append(f"{run}: {one.to} was written to: {reason}")


def check_twice(claims: Claims, home: Path, accepted: Sequence[Accepted], facts: Facts) -> None:
    """No message is taken twice, and no step of the journey by one person twice but for another entry."""
    for name, many in Counter(one.message_id for one in accepted).items():
        if many > 1:
            claims.twice.append(f"{name} was taken {many} times")
    messages = named(home)
    for one in accepted:
        if one.message_id not in messages:
            claims.outside.append(f"{one.to} was written to, and no walk knows of {one.message_id}")
    taken = Counter((messages[one.message_id][1], one.to) for one in accepted if one.message_id in messages)
    for (step, to), many in taken.items():
        entries = {messages[one.message_id][0] for one in accepted if one.to == to and one.message_id in messages}
        members = len(facts.showing(to))
        if many > max(members, 1):
            claims.twice.append(
                f"step {step} went to {to} {many} times, by the entries {sorted(entries)}; {members} members"
            )


def table(home: Path, name: str) -> pd.DataFrame:
    """Read a table of the home without the product; empty where there is none."""
    place = home / "lake" / "gold" / name
    return DeltaTable(place).to_pandas() if (place / "_delta_log").is_dir() else pd.DataFrame()


def fingerprint(key: str) -> str:
    """The part of a Message-ID that stands for a message's key."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def named(home: Path) -> dict[str, tuple[str, int]]:
    """Walk and step of every Message-ID that may occur."""
    walks, sender = table(home, "journey_instances"), "month.example"
    found = {}
    for name in walks.instance_id if len(walks) else ():
        for step in MESSAGES:
            found[f"<{fingerprint(f'{name}-{step}')}@{sender}>"] = (name, step)
    return found


def check_forgotten(
    claims: Claims, home: Path, accepted: Sequence[Accepted], entered: set[tuple[str, date]], last: date
) -> None:
    """Follow everybody who ever entered the audience to a message that was taken, or to a row that says why not."""
    stays = table(home, "memberships")
    stays = stays[stays.audience == AUDIENCE]
    known = {(row.customer_id, row.entered_on) for row in stays.itertuples()}
    for customer, on in sorted(entered - known, key=str):
        claims.forgotten.append(f"{customer} entered on {on}, and no stay says so any more")
    walks, decisions = table(home, "journey_instances"), table(home, "decisions")
    by_entry: Mapping[tuple[str, date], str] = {
        (row.customer_id, row.entered_on): row.instance_id for row in walks.itertuples()
    }
    walked = set(walks.customer_id)
    for row in stays.itertuples():
        claims.counts["entries"] += 1
        if row.holdout:
            claims.counts["entries held out"] += 1
        elif (row.customer_id, row.entered_on) not in by_entry:
            kind = "again" if row.customer_id in walked else "without a walk"
            claims.counts[f"entries {kind}"] += 1
            if kind != "again":
                claims.forgotten.append(f"{row.customer_id} entered on {row.entered_on}, and has no walk")
    _check_walks(claims, home, walks, decisions, accepted, last)


def _check_walks(
    claims: Claims, home: Path, walks: pd.DataFrame, decisions: pd.DataFrame, accepted: Sequence[Accepted], last: date
) -> None:
    decided: dict[str, dict[int, str]] = defaultdict(dict)
    for row in decisions.itertuples():
        decided[row.instance_id][row.step] = row.decision
    sent = {one.message_id.strip("<>").partition("@")[0] for one in accepted}
    fates = {row.key: row for row in table(home, "deliveries").itertuples()}
    for walk in walks.itertuples():
        if walk.status == "active" and walk.due_on <= last:
            claims.forgotten.append(f"the walk {walk.instance_id} was due on {walk.due_on} and did not go on")
        for step in MESSAGES:
            decision = decided[walk.instance_id].get(step)
            if decision == "message":
                key = f"{walk.instance_id}-{step}"
                _check_message(claims, key, fates.get(key), fingerprint(key) in sent)
            elif decision is not None:
                claims.counts[f"step {decision}"] += 1
            elif walk.status == "active":
                claims.counts["step to come"] += 1
            elif walk.outcome:
                claims.counts[f"walk ended before: {walk.outcome}"] += 1
            else:
                claims.forgotten.append(f"the walk {walk.instance_id} ended without step {step}, and does not say why")


def _check_message(claims: Claims, key: str, fate: object, taken: bool) -> None:
    status, reason = getattr(fate, "status", None), getattr(fate, "reason", None)
    claims.counts[f"message {status}, {'taken' if taken else 'not taken'}"] += 1
    if status is None:
        claims.forgotten.append(f"the message {key} was decided, and no row says what became of it")
    elif status == "sent" and not taken:
        claims.forgotten.append(f"the message {key} is said to be sent, and the server never took it")
    elif taken and status not in ENDED:
        claims.twice.append(
            f"the message {key} was taken by the server, and its row says {status}: it may go out again"
        )
    elif not taken and status not in (*ENDED, *WAITS) and not reason:
        claims.forgotten.append(f"the message {key} is {status}, and its row does not say why")

"""Who may get e-mail, from the landing files alone and by the rules of docs/consent.md.

It joins fewer records than the product where a withdrawal counts, and more where a consent counts: what it refuses is
wrong under any identity resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import pandas as pd

CHANNELS = ("any", "email")
ENDS = ("unsubscribed", "complained", "bounced")
LIFTED = ("unsubscribed", "complained")
STATES = {"Y": "granted", "N": "withdrawn"}


@dataclass(frozen=True)
class OracleFacts:
    """Newest row of each member; answers about e-mail or any channel; events of the mail system; suppression lists."""

    members: pd.DataFrame
    answers: pd.DataFrame
    unreadable: frozenset[str]
    events: pd.DataFrame
    listed: frozenset[str]

    @classmethod
    def read(cls, landing: Path) -> OracleFacts:
        """Read all landed files."""
        members = _members(landing)
        consents = _csv(landing, "consents", ("subject_kind", "subject", "purpose", "channel", "state", "changed_at"))
        consents = consents[consents.subject != ""]
        bad = consents[~consents.state.isin([*STATES, ""])]
        answers = consents[consents.channel.isin(CHANNELS) & consents.state.isin(list(STATES))]
        answers = answers.assign(state=answers.state.map(STATES), changed_at=pd.to_datetime(answers.changed_at))
        events = _csv(landing, "mail_events", ("status", "at", "member_no", "email"))
        sends = _csv(landing, "sends", ("status", "at", "member_no", "channel"))
        events = pd.concat([events, sends[sends.channel == "email"]]).fillna("")
        events = events[events.status.isin(ENDS)].assign(at=lambda rows: pd.to_datetime(rows["at"]))
        listed = _csv(landing, "stop_list", ("email",))
        return cls(members, answers, frozenset(bad.subject), events, frozenset(map(_same, listed.email)))

    @cached_property
    def newest(self) -> dict[tuple[str, str, str], str]:
        """Latest state of each record, by purpose, kind and subject; of two at one time `withdrawn`."""
        rows = self.answers.sort_values(["changed_at", "state"])
        answers: list[list[str]] = rows[["purpose", "subject_kind", "subject", "state"]].to_numpy().tolist()
        return {(answer[0], answer[1], answer[2]): answer[3] for answer in answers}

    @cached_property
    def _cards(self) -> dict[str, set[str]]:
        """Members with all cards that the programme merged with theirs."""
        together = {number: {number} for number in self.members.index}
        for number, into in self.members.merged_into.items():
            if into:
                joined = together[number] | together.get(into, {into})
                together |= dict.fromkeys(joined, joined)
        return together

    @cached_property
    def _phones(self) -> dict[str, set[str]]:
        """Members by phone."""
        return {str(phone): set(rows.index) for phone, rows in self.members.groupby("phone") if phone}

    def members_with_address(self) -> set[str]:
        """Members who have an address and were not merged into others."""
        return set(self.members.index[(self.members.email != "") & (self.members.merged_into == "")])

    def address_of(self, member: str) -> str:
        """The address of a member."""
        return str(self.members.email[member])

    def withdrawn(self) -> set[str]:
        """Members whose last answer is no."""
        last = self.newest.items()
        return {
            who for (purpose, kind, who), state in last if (purpose, kind, state) == ("messages", "member", "withdrawn")
        }

    def showing(self, address: str) -> set[str]:
        """Members with an address, and the cards that were merged with theirs."""
        own = self.members.index[self.members.email == address]
        return {card for number in own for card in self._cards[number]}

    def why_not(self, address: str, purpose: str = "messages") -> str:
        """Say why an address must not be used for a purpose; empty where it may."""
        address = _same(address)
        shown_by = self.showing(address)
        phones = {self.members.phone.get(number, "") for number in shown_by} - {""}
        # Identity resolution may ignore a phone that others have too.
        alone = {phone for phone in phones if self._phones[phone] <= shown_by}
        own = [(purpose, "member", number) for number in shown_by]
        if address in self.listed:
            return "on the list of what must never be contacted"
        if shown_by & self.unreadable:
            return "a row about its owner cannot be read"
        if any(self.newest.get(who) == "withdrawn" for who in (*own, *((purpose, "phone", one) for one in alone))):
            return "withdrawn"
        if not any(self.newest.get(who) == "granted" for who in (*own, *((purpose, "phone", one) for one in phones))):
            return "no consent"
        return self._ending_event(address, shown_by, phones) if purpose == "messages" else ""

    def _ending_event(self, address: str, shown_by: set[str], phones: set[str]) -> str:
        events = self.events[(self.events.email.map(_same) == address) | self.events.member_no.isin(shown_by)]
        theirs = self.answers[self.answers.subject.isin([*shown_by, *phones]) & (self.answers.state == "granted")]
        granted = theirs[theirs.purpose == "messages"].changed_at.max()
        for status, at in zip(events.status, events["at"], strict=True):
            if not (status in LIFTED and pd.notna(granted) and granted > at):
                return str(status)
        return ""


def _same(text: str) -> str:
    return str(text).strip().lower()


def _members(landing: Path) -> pd.DataFrame:
    columns = (
        "member_no, coalesce(lower(trim(email)), '') email, coalesce(merged_into, '') merged_into, phone, updated_at"
    )
    rows = duckdb.execute(
        f"select {columns}, filename from read_parquet('{landing}/crm/*/*.parquet', filename=true)"
    ).df()
    rows["phone"] = rows.phone.fillna("").map(_phone)
    newest: pd.DataFrame = rows.sort_values(["filename", "updated_at"]).groupby("member_no").last()
    return newest


def _phone(text: str) -> str:
    """The last eleven digits, also of full width."""
    digits = "".join(str(int(sign)) for sign in text if sign.isdecimal())
    return digits[-11:] if len(digits) >= 11 else ""


def _csv(landing: Path, feed: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Rows of all files of a feed that have its columns, as texts."""
    files = sorted((landing / feed).glob("*/*.csv"))
    tables = [pd.read_csv(file, dtype=str, keep_default_na=False) for file in files]
    fitting = [table[list(columns)] for table in tables if set(columns) <= set(table.columns)]
    return pd.concat(fitting) if fitting else pd.DataFrame(columns=list(columns))

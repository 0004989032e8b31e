"""Meta's Graph API on loopback: custom audiences with upload sessions, insights, and events of a dataset."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from platforms.server import AUTH, BROKEN, PARTIAL, RATE, Answered, Asked, PlatformServer

HASH = re.compile(r"[0-9a-f]{64}")
DEVICE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Further faults: the audience is flagged, the terms are not accepted, the seed is too small, a moment's failure.
FLAGGED, TERMS, TOO_SMALL, MOMENT = "flagged", "terms", "too_small", "moment"
ERRORS = {
    RATE: (400, 80003, None),
    BROKEN: (500, 2, None),
    AUTH: (401, 190, 463),
    FLAGGED: (400, 100, 1713230),
    TERMS: (400, 2655, None),
    TOO_SMALL: (400, 2654, 1713007),
    MOMENT: (400, 1, None),
}


class MetaServer(PlatformServer):
    """Every second value of those uploaded is a person whom Meta knows, as told by the last digit of its hash."""

    account, dataset = "1234567890", "987654321"
    inner = (PARTIAL,)

    def __init__(self, least: int = 100) -> None:
        super().__init__()
        self.least = least
        self.audiences: dict[str, dict[str, Any]] = {}
        self.weights: dict[str, dict[str, float]] = {}
        self.sessions: dict[str, list[dict[str, Any]]] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.insights: list[dict[str, Any]] = []
        self._seen: dict[tuple[int, int], list[str]] = {}
        self._replacing: dict[int, set[str]] = {}

    def refusal(self, kind: str) -> Answered:
        status, code, subcode = ERRORS[kind]
        error = {"message": "(#) An error that quotes ann@example.cn", "type": "OAuthException", "code": code}
        return status, {"error": {**error, **({"error_subcode": subcode} if subcode else {}), "fbtrace_id": "A1"}}

    def answer(self, asked: Asked) -> Answered:
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return self.refusal(AUTH)
        for kind in (FLAGGED, TERMS, TOO_SMALL, MOMENT):
            if self.has_fault(kind):
                return self.refusal(kind)
        parts = asked.path.strip("/").split("/")
        if parts == [f"act_{self.account}", "customaudiences"]:
            return self._list(asked) if asked.method == "GET" else self._create(asked.json)
        if parts == [f"act_{self.account}", "insights"]:
            return self._insights(asked)
        if parts == [self.dataset, "events"]:
            return self._events(asked.json["data"])
        if parts[0] in self.audiences:
            return self._audience(asked, *parts)
        return 400, {"error": {"message": "Unsupported request", "code": 100, "error_subcode": 33}}

    def _create(self, content: dict[str, Any]) -> Answered:
        audience_id = str(23850000000000000 + len(self.audiences))
        self.audiences[audience_id] = {"id": audience_id, **content}
        if content["subtype"] == "CUSTOM":
            self.sets[audience_id], self.sessions[audience_id], self.weights[audience_id] = set(), [], {}
        return 200, {"id": audience_id}

    def _paged(self, asked: Asked, rows: list[dict[str, Any]]) -> Answered:
        """Two rows a page, so that callers follow the cursor."""
        start = int(asked.params.get("after", "0"))
        paging = {"cursors": {"after": str(start + 2)}}
        following = {"next": "https://graph.facebook.com/next"} if start + 2 < len(rows) else {}
        return 200, {"data": rows[start : start + 2], "paging": {**paging, **following}}

    def _list(self, asked: Asked) -> Answered:
        return self._paged(asked, [{"id": row["id"], "name": row["name"]} for row in self.audiences.values()])

    def _insights(self, asked: Asked) -> Answered:
        window = json.loads(asked.params["time_range"])
        days = [row for row in self.insights if window["since"] <= row["date_start"] <= window["until"]]
        return self._paged(asked, days)

    def _audience(self, asked: Asked, audience_id: str, edge: str = "") -> Answered:
        if edge == "sessions":
            return self._paged(asked, self.sessions[audience_id])
        if edge in ("users", "usersreplace"):
            return self._upload(asked, audience_id, edge)
        known = sum(value[-1] in "02468ace" for value in self.sets[audience_id])
        ready = known >= self.least
        return 200, {
            "id": audience_id,
            "approximate_count_lower_bound": known if ready else -1,
            "approximate_count_upper_bound": known * 2 if ready else -1,
            "operation_status": {"code": 200 if self.sessions[audience_id] else 410, "description": ""},
            "delivery_status": {"code": 200 if ready else 300, "description": ""},
        }

    def _upload(self, asked: Asked, audience_id: str, edge: str) -> Answered:
        session, payload = asked.json["session"], asked.json["payload"]
        number, place = session["session_id"], session["batch_seq"]
        if len(payload["data"]) > 10_000:
            return 400, {"error": {"message": "too many", "code": 105}}
        key, pattern = payload["schema"][0], DEVICE if payload["schema"][0] == "MADID" else HASH
        valid = {row[0]: row[1:] for row in payload["data"] if pattern.fullmatch(row[0])}
        assert key in ("EMAIL", "PHONE", "MADID")
        if (number, place) not in self._seen:
            accepted = self.taken_of(audience_id, valid, asked.method == "POST")
            valid = {value: weight for value, weight in valid.items() if value in accepted}
            self._seen[number, place] = [row[0] for row in payload["data"] if row[0] not in valid]
            self._take(asked.method, edge, audience_id, number, session["last_batch_flag"], valid)
            self.sessions[audience_id].append({
                "session_id": str(number), "stage": "finished", "num_received": str(len(payload["data"])),
                "num_matched": str(sum(value[-1] in "02468ace" for value in valid)),
                "num_invalid_entries": str(len(self._seen[number, place])),
            })  # fmt: skip
        invalid = self._seen[number, place]
        return 200, {
            "audience_id": audience_id, "session_id": str(number), "num_received": len(payload["data"]),
            "num_invalid_entries": len(invalid), "invalid_entry_samples": dict.fromkeys(invalid[:1], "invalid"),
        }  # fmt: skip

    def _take(
        self, method: str, edge: str, audience_id: str, number: int, is_last: bool, valid: dict[str, Any]
    ) -> None:
        if edge == "usersreplace":
            self._replacing.setdefault(number, set()).update(valid)
            if is_last:
                self.sets[audience_id] = self._replacing.pop(number)
        elif method == "DELETE":
            self.sets[audience_id] -= set(valid)
        else:
            self.sets[audience_id] |= set(valid)
            self.weights[audience_id].update({value: row[0] for value, row in valid.items() if row})

    def _events(self, events: list[dict[str, Any]]) -> Answered:
        longest = {"physical_store": 62}
        if any(time.time() - event["event_time"] > longest.get(event["action_source"], 7) * 86_400 for event in events):
            return 400, {"error": {"message": "event_time is too old", "code": 100, "error_subcode": 2804003}}
        self.events.update({event["event_id"]: event for event in events})
        return 200, {"events_received": len(events), "messages": [], "fbtrace_id": "A2"}

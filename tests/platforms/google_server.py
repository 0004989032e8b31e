"""Google's Data Manager API, token endpoint and search stream of Google Ads on loopback."""

from __future__ import annotations

import re
from typing import Any

from platforms.server import AUTH, BROKEN, PARTIAL, RATE, Answered, Asked, PlatformServer

HASH = re.compile(r"[0-9a-f]{64}")
DEVICE = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# Further faults: the day's quota is used up, the terms are not accepted, a whole request fails while it is processed.
DAY_OVER, TERMS, UNDONE = "day_over", "terms", "undone"
ERRORS = {
    RATE: (429, "RESOURCE_EXHAUSTED", {"metadata": {"quota_limit": "IngestionRequestsPerMinutePerProject"}}),
    DAY_OVER: (429, "RESOURCE_EXHAUSTED", {"metadata": {"quota_limit": "IngestionRequestsPerDayPerProject"}}),
    BROKEN: (503, "UNAVAILABLE", {}),
    AUTH: (401, "UNAUTHENTICATED", {"reason": "ACCESS_TOKEN_EXPIRED"}),
    TERMS: (400, "FAILED_PRECONDITION", {"reason": "CUSTOMER_MATCH_TERMS_NOT_SIGNED"}),
}
LISTS = re.compile(r"/accountTypes/GOOGLE_ADS/accounts/(\d+)/userLists(?:/(\d+))?")


class GoogleServer(PlatformServer):
    """Requests are processed in order when one is asked for the second time: only then is a list changed.

    `sets` are the values by list; an audience of ours may be several lists.
    """

    account = "1234567890"
    inner = (PARTIAL, UNDONE)

    def __init__(self, polls: int = 1) -> None:
        super().__init__()
        self.polls = polls
        self.lists: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.rows: list[dict[str, Any]] = []

    def members(self, audience_id: str) -> set[str]:
        return set().union(*(self.sets[entry.split(":")[1]] for entry in audience_id.split(",")))

    def refusal(self, kind: str) -> Answered:
        status, state, detail = ERRORS[kind]
        return status, {
            "error": {"code": status, "message": "about ann@example.cn", "status": state, "details": [detail]}
        }

    def answer(self, asked: Asked) -> Answered:
        if asked.path == "/token":
            token = self.renewed(asked.form["client_secret"], asked.form["refresh_token"])
            return (200, {"access_token": token, "expires_in": self.lifetime}) if token else self.refusal(AUTH)
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return self.refusal(AUTH)
        for kind in (DAY_OVER, TERMS):
            if self.has_fault(kind):
                return self.refusal(kind)
        if match := LISTS.fullmatch(asked.path):
            return self._lists(asked, match[2])
        if asked.path == "/requestStatus:retrieve":
            return self._status(asked.params["requestId"])
        if asked.path.endswith("/googleAds:searchStream"):
            return self._stream(asked)
        return self._hand_over(asked)

    def _lists(self, asked: Asked, list_id: str | None) -> Answered:
        if list_id:
            return (200, self._sized(list_id)) if list_id in self.lists else (404, {"error": {"status": "NOT_FOUND"}})
        if asked.method == "POST":
            list_id = str(9000 + len(self.lists))
            self.lists[list_id] = {"id": list_id, **asked.json, "membershipStatus": "OPEN",
                                   "accountAccessStatus": "ENABLED"}  # fmt: skip
            self.sets[list_id] = set()
            return 200, self.lists[list_id]
        start = int(asked.params.get("pageToken") or "0")
        following = {"nextPageToken": str(start + 2)} if start + 2 < len(self.lists) else {}
        return 200, {"userLists": list(self.lists.values())[start : start + 2], **following}

    def _sized(self, list_id: str) -> dict[str, Any]:
        row, values = dict(self.lists[list_id]), self.sets[list_id]
        if values:
            known = sum(value[-1] in "02468ace" for value in values)
            row["sizeInfo"] = {"displayNetworkMembersCount": str(known), "searchNetworkMembersCount": str(known // 2)}
            row["targetNetworkInfo"] = {"eligibleForDisplay": known >= 3, "eligibleForSearch": False}
            rate = {"contactIdInfo": {"matchRatePercentage": 100 * known // len(values)}}
            row["ingestedUserListInfo"] = {**row["ingestedUserListInfo"], **rate}
        return row

    def _hand_over(self, asked: Asked) -> Answered:
        content, path = asked.json, asked.path.strip("/")
        records = content["events" if path == "events:ingest" else "audienceMembers"]
        if len(records) > (2_000 if path == "events:ingest" else 10_000) or content["encoding"] != "HEX":
            return 400, {"error": {"status": "INVALID_ARGUMENT", "details": [{"reason": "TOO_MANY_RECORDS"}]}}
        if path.endswith(":ingest") and content.get("consent", {}).get("adUserData") != "CONSENT_GRANTED":
            return 400, {"error": {"status": "INVALID_ARGUMENT", "details": [{"reason": "NO_CONSENT"}]}}
        request_id = f"r{len(self.requests)}"
        request = {"path": path, "content": content, "asked": 0, "undone": self.has_fault(UNDONE)}
        if path != "events:ingest":
            [list_id] = [destination["productDestinationId"] for destination in content["destinations"]]
            values = {value for value in map(_value, records) if _is_valid(value)}
            request["valid"] = self.taken_of(list_id, values, path.endswith(":ingest"))
        self.requests[request_id] = request
        return 200, {"requestId": request_id}

    def _status(self, request_id: str) -> Answered:
        request = self.requests[request_id]
        request["asked"] += 1
        if request["asked"] <= self.polls:
            return self._states("PROCESSING")
        # Earlier ones, too: one whose answer was lost is processed all the same.
        for earlier in list(self.requests)[: list(self.requests).index(request_id) + 1]:
            if "answer" not in self.requests[earlier]:
                self.requests[earlier]["answer"] = self._process(self.requests[earlier])
        return request["answer"]

    def _states(self, state: str, counts: list[dict[str, Any]] | None = None) -> Answered:
        info = {"errorInfo": {"errorCounts": counts}} if counts else {}
        return 200, {"requestStatusPerDestination": [{"requestStatus": state, **info}]}

    def _process(self, request: dict[str, Any]) -> Answered:
        if request["undone"]:
            return self._states("FAILED", [{"reason": "PROCESSING_ERROR_REASON_INTERNAL_ERROR", "recordCount": "1"}])
        if request["path"] == "events:ingest":
            return self._process_events(request["content"]["events"])
        values = [_value(member) for member in request["content"]["audienceMembers"]]
        good = request["valid"]
        wrong = [place for place, value in enumerate(values) if value not in good]
        for destination in request["content"]["destinations"]:
            members = self.sets[destination["productDestinationId"]]
            members |= good if request["path"].endswith("ingest") else set()
            members -= good if request["path"].endswith("remove") else set()
        reasons = {True: "INTERNAL_ERROR", False: "INVALID_FORMAT"}
        places = {reason: [place for place in wrong if _is_valid(values[place]) is valid]
                  for valid, reason in reasons.items()}  # fmt: skip
        counts = [{"reason": f"PROCESSING_ERROR_REASON_{reason}", "recordCount": str(len(wrong)),
                   "recordIndices": [str(place) for place in wrong[:1]]}
                  for reason, wrong in places.items() if wrong]  # fmt: skip
        return self._states("PARTIAL_SUCCESS", counts) if wrong else self._states("SUCCESS")

    def _process_events(self, events: list[dict[str, Any]]) -> Answered:
        repeated = [place for place, event in enumerate(events) if event["transactionId"] in self.events]
        self.events.update({event["transactionId"]: event for event in events})
        counts = [{"reason": "PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID", "recordCount": str(len(repeated)),
                   "recordIndices": [str(place) for place in repeated]}]  # fmt: skip
        state = "FAILED" if len(repeated) == len(events) else "PARTIAL_SUCCESS"
        return self._states(state, counts) if repeated else self._states("SUCCESS")

    def _stream(self, asked: Asked) -> Answered:
        if asked.headers.get("developer-token") != "developer":
            status, content = self.refusal(AUTH)
            return status, [content]
        [first, last] = re.findall(r"'([\d-]+)'", asked.json["query"])
        days = [row for row in self.rows if first <= row["segments"]["date"] <= last]
        return 200, [{"results": days[:2]}, {"results": days[2:]}]


def _is_valid(value: str) -> bool:
    return bool(HASH.fullmatch(value) or DEVICE.fullmatch(value))


def _value(member: dict[str, Any]) -> str:
    if "mobileData" in member:
        return member["mobileData"]["mobileIds"][0]
    [identifier] = member["userData"]["userIdentifiers"]
    return next(iter(identifier.values()))

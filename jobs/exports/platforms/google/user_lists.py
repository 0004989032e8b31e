"""Customer Match lists of an account: one for contacts, and one for the mobile ids of each system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.exports.http import Http
from jobs.exports.platform import StatusAnswer
from jobs.exports.platforms.google.data import KEY_TYPES, LIMITS
from quanyu.errors import RetryableError


class UserLists:
    """Lists of an account; `apps` says of which app the ids of each group are that it sends.

    An audience is up to three lists, its id names them: `contact:11,ios:12,android:13`.
    """

    def __init__(self, http: Http, account: str, login: str, apps: Mapping[str, str]) -> None:
        self._http, self._apps = http, apps
        self._account = f"accountTypes/GOOGLE_ADS/accounts/{account}"
        self._login = {"login-account": f"accountTypes/GOOGLE_ADS/accounts/{login}"} if login else {}

    def open(self, code: str, description: str) -> str:
        """Find or create the lists of what is sent, and find those of what was: members may have to leave them."""
        names = {group: code if group == "contact" else f"{code} {group}" for group in KEY_TYPES}
        known = {row["displayName"]: str(row["id"]) for row in self._lists()}
        wanted = [group for group in names if group in self._apps or names[group] in known]
        lists = {group: known.get(names[group]) or self._create(group, names[group], description) for group in wanted}
        return ",".join(f"{group}:{list_id}" for group, list_id in lists.items())

    def _create(self, group: str, name: str, description: str) -> str:
        info: dict[str, Any] = {"uploadKeyTypes": [KEY_TYPES[group]]}
        if group != "contact":
            info["mobileIdInfo"] = {"appId": self._apps[group], "keySpace": group.upper()}
        content = {"displayName": name, "description": description, "ingestedUserListInfo": info}
        path = f"{self._account}/userLists"
        try:
            # A second attempt could create a second list.
            answer = self._http.call("POST", path, json=content, headers=self._login, attempts=1)
        except RetryableError:
            known = next((str(row["id"]) for row in self._lists() if row["displayName"] == name), None)
            if known is None:
                raise
            return known
        return str(answer["id"])

    def _lists(self) -> Iterator[Mapping[str, Any]]:
        token: str | None = ""
        while token is not None:
            params = {"pageSize": "1000", "pageToken": token}
            answer = self._http.call("GET", f"{self._account}/userLists", params=params, headers=self._login)
            yield from answer.get("userLists", ())
            token = answer.get("nextPageToken") or None

    def of(self, audience_id: str) -> Sequence[Mapping[str, Any]]:
        """The lists of an audience, as Google describes them."""
        ids = [entry.split(":")[1] for entry in audience_id.split(",")]
        return [self._http.call("GET", f"{self._account}/userLists/{one}", headers=self._login) for one in ids]


def status_of(lists: Sequence[Mapping[str, Any]]) -> StatusAnswer:
    """Size of the lists together, and the match rate of the list of contacts."""
    sizes = [max(map(int, row["sizeInfo"].values())) for row in lists if row.get("sizeInfo")]
    contacts = [row.get("ingestedUserListInfo", {}).get("contactIdInfo", {}) for row in lists]
    rate = next((row["matchRatePercentage"] / 100 for row in contacts if "matchRatePercentage" in row), None)
    matched = sum(sizes) if sizes else None
    if any({"CLOSED", "DISABLED"} & {row.get("membershipStatus"), row.get("accountAccessStatus")} for row in lists):
        return StatusAnswer(state="failed", words="open the list again in Google Ads", matched=matched)
    if matched is None:
        return StatusAnswer(state="parsing")
    if any(any(row.get("targetNetworkInfo", {}).values()) for row in lists):
        return StatusAnswer(state="usable", matched=matched, usable=matched, match_rate=rate)
    words = f"fewer than {LIMITS.least} of its members are known to Google"
    return StatusAnswer(state="published", words=words, matched=matched, usable=0, match_rate=rate)

"""TikTok's Business API on loopback: files of hashes, custom audiences and reports. Errors come with HTTP 200."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from platforms.server import AUTH, BROKEN, RATE, Answered, Asked, PlatformServer

HASH = re.compile(r"[0-9a-f]{64}")
PERMISSION = "permission"
ERRORS = {
    RATE: (40100, "Requests made too frequently"),
    BROKEN: (50000, "System error"),
    AUTH: (40105, "Access token is incorrect or has been revoked."),
    PERMISSION: (40001, "No permission, ann@example.cn"),
}
FEW = "The audience size is less than 1,000 after the operation"


class TiktokServer(PlatformServer):
    """Keeps an audience per name and type of hash; an operation that leaves fewer than the least fails as a whole."""

    account = "7000000000000000001"

    def __init__(self, least: int = 1_000) -> None:
        super().__init__()
        self.least, self.created = least, 0
        self.audiences: dict[str, dict[str, Any]] = {}
        self.files: dict[str, tuple[str, set[str]]] = {}
        self.rows: list[dict[str, Any]] = []

    def members(self, audience_id: str) -> set[str]:
        names = (f"{audience_id} {kind}_SHA256" for kind in ("EMAIL", "PHONE", "IDFA", "GAID"))
        ids = {row["name"]: one for one, row in self.audiences.items()}
        return set().union(*(self.sets[ids[name]] for name in names if name in ids))

    def refusal(self, kind: str) -> Answered:
        return _failed(*ERRORS[kind])

    def answer(self, asked: Asked) -> Answered:
        if asked.headers.get("access-token") != self.token:
            return self.refusal(AUTH)
        if self.has_fault(PERMISSION):
            return self.refusal(PERMISSION)
        fields = asked.json or asked.form or asked.params
        if fields.get("advertiser_id") != self.account:
            return self.refusal(PERMISSION)
        verbs = {"upload": self._upload, "create": self._create, "update": self._update, "delete": self._delete,
                 "list": self._list, "get": self._report}  # fmt: skip
        return verbs[asked.path.strip("/").split("/")[-1]](asked)

    def _upload(self, asked: Asked) -> Answered:
        data = asked.files["file"]
        if hashlib.md5(data).hexdigest() != asked.form["file_signature"]:
            return _failed(40002, "file_signature is wrong")
        path = f"file/{len(self.files)}"
        self.files[path] = (asked.form["calculate_type"], set(filter(HASH.fullmatch, data.decode().splitlines())))
        return _done({"file_path": path})

    def _values(self, content: dict[str, Any], kind: str) -> set[str] | None:
        files = [self.files[path] for path in content["file_paths"]]
        return set().union(*(values for _, values in files)) if all(one == kind for one, _ in files) else None

    def _create(self, asked: Asked) -> Answered:
        content = asked.json
        values = self._values(content, content["calculate_type"])
        if values is None:
            return _failed(40002, "calculate_type is another than that of the files")
        if len(values) < self.least:
            return _failed(40002, FEW)
        values = self.taken_of(content["custom_audience_name"], values, adds=True)
        self.created += 1
        audience = str(7099 + self.created)
        self.audiences[audience] = {"audience_id": audience, "name": content["custom_audience_name"],
                                    "calculate_type": content["calculate_type"],
                                    "expired_time": "2099-02-03 04:05:06"}  # fmt: skip
        self.sets[audience] = values
        return _done({"custom_audience_id": audience})

    def _update(self, asked: Asked) -> Answered:
        content = asked.json
        row = self.audiences.get(content["custom_audience_id"])
        if row is None:
            return _failed(40007, "The audience does not exist")
        values = self._values(content, row["calculate_type"])
        if values is None:
            return _failed(40002, "The files are of another type")
        action, before = content.get("action", "REPLACE"), self.sets[row["audience_id"]]
        values = self.taken_of(row["name"], values, action != "REMOVE")
        after = {"APPEND": before | values, "REMOVE": before - values, "REPLACE": values}[action]
        if len(after) < self.least:
            return _failed(40002, FEW)
        self.sets[row["audience_id"]] = after
        return _done({})

    def _delete(self, asked: Asked) -> Answered:
        for audience in asked.json["custom_audience_ids"]:
            if self.audiences.pop(audience, None) is None:
                return _failed(40007, "The audience does not exist")
            del self.sets[audience]
        return _done({})

    def _paged(self, asked: Asked, rows: list[dict[str, Any]]) -> Answered:
        """Two rows a page, so that callers turn it."""
        page = int(asked.params.get("page", "1"))
        info = {"page": page, "total_number": len(rows), "total_page": -(-len(rows) // 2)}
        return _done({"list": rows[2 * page - 2 : 2 * page], "page_info": info})

    def _list(self, asked: Asked) -> Answered:
        rows = []
        for audience, row in self.audiences.items():
            known = sum(value[-1] in "02468ace" for value in self.sets[audience])
            rows.append({**row, "cover_num": known, "is_valid": known >= self.least, "is_expiring": False})
        return self._paged(asked, rows)

    def _report(self, asked: Asked) -> Answered:
        first, last = asked.params["start_date"], asked.params["end_date"]
        assert json.loads(asked.params["dimensions"]) == ["campaign_id", "stat_time_day"]
        return self._paged(
            asked, [row for row in self.rows if first <= row["dimensions"]["stat_time_day"][:10] <= last]
        )


def _done(data: dict[str, Any]) -> Answered:
    return 200, {"code": 0, "message": "OK", "request_id": "2025", "data": data}


def _failed(code: int, message: str) -> Answered:
    return 200, {"code": code, "message": message, "request_id": "2025", "data": {}}

"""Tencent Ads on loopback: audiences by outer code, zips that are read after some polls, and codes with HTTP 200."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from typing import Any

from platforms.server import AUTH, PARTIAL, RATE, Answered, Asked, PlatformServer

# A line that is valid, by user_id_type.
HEX_64, HEX_32, ANY = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-fA-F]{32}"), re.compile(r"\S+")
LINES = {
    "SHA256_MOBILE_PHONE": HEX_64, "HASH_MOBILE_PHONE": HEX_32, "HASH_IDFA": HEX_32, "HASH_OAID": HEX_32,
    "HASH_IMEI": HEX_32, "WX_UNIONID": ANY, "WECHAT_OPENID": ANY, "CAID": ANY,
}  # fmt: skip
# Files that the platform cannot read, and a limit of calls a day.
BAD_FILE, DAY_LIMIT = "bad file", "day limit"


class TencentServer(PlatformServer):
    """Keeps audiences and their files. `polls` are the questions that a file is still being read for."""

    inner = (PARTIAL, BAD_FILE)

    def __init__(self, account: str = "25610", polls: int = 1) -> None:
        super().__init__()
        self.account, self.polls = account, polls
        self.audiences: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.reports: list[dict[str, Any]] = []
        self.nonces: set[str] = set()

    def refusal(self, kind: str) -> Answered:
        """Throttles and refused tokens come with HTTP 200."""
        if kind in (RATE, AUTH):
            return 200, {"code": {RATE: 11016, AUTH: 11002}[kind], "message": "no", "message_cn": "否"}
        return super().refusal(kind)

    def answer(self, asked: Asked) -> Answered:
        """Answer one of the interfaces."""
        if self.has_fault(DAY_LIMIT):
            return _error(11018)
        if asked.path == "/oauth/token":
            return self._renew(asked.params)
        if code := self._wrong_call(asked):
            return _error(code)
        body = asked.json or asked.form or asked.params
        if str(body["account_id"]) != self.account:
            return _error(11004)
        interfaces = {
            "/custom_audiences/add": self._add, "/custom_audiences/get": self._audiences,
            "/custom_audience_files/add": self._add_file, "/custom_audience_files/get": self._files,
            "/daily_reports/get": self._daily,
        }  # fmt: skip
        return interfaces[asked.path](asked, body)

    def _renew(self, params: dict[str, str]) -> Answered:
        known = params["client_id"] == "77" and params["grant_type"] == "refresh_token" and "nonce" not in params
        token = self.renewed(params["client_secret"], params["refresh_token"]) if known else None
        if token is None:
            return _error(11012)
        return _data({"access_token": token, "access_token_expires_in": self.lifetime})

    def _wrong_call(self, asked: Asked) -> int:
        nonce, when = asked.params.get("nonce", ""), int(asked.params.get("timestamp", 0))
        if asked.params.get("access_token") != self.token:
            return 11002
        if not 0 < len(nonce) <= 32 or nonce in self.nonces or abs(time.time() - when) > 300:
            return 11012
        self.nonces.add(nonce)
        return 0

    def _add(self, asked: Asked, body: dict[str, Any]) -> Answered:
        outer = body["outer_audience_id"]
        if not re.fullmatch(r"\w{1,128}", outer, re.ASCII) or not 1 <= len(body["name"].encode()) <= 32:
            return _error(11500)
        existing = [key for key, audience in self.audiences.items() if audience["outer_audience_id"] == outer]
        if existing:
            return _data({"audience_id": int(existing[0])})
        if any(audience["name"] == body["name"] for audience in self.audiences.values()):
            return _error(18001)
        if body["type"] == "LOOKALIKE" and self._refuses_seed(body["audience_spec"]["lookalike_spec"]):
            return _error(18002)
        key = str(1000 + len(self.audiences))
        self.audiences[key] = {**body, "status": "PENDING", "online_status": "ONLINE", "error_code": 0}
        self.sets[key] = set()
        return _data({"audience_id": int(key)})

    def _refuses_seed(self, spec: dict[str, Any]) -> bool:
        seed = self.audiences[str(spec["seed_audience_id"])]
        whole = spec["expand_user_count"] % 500_000 == 0
        return not whole or seed["type"] == "LOOKALIKE" or self._status(str(spec["seed_audience_id"])) != "SUCCESS"

    def _add_file(self, asked: Asked, form: dict[str, str]) -> Answered:
        kind, audience = form["user_id_type"], form["audience_id"]
        if audience not in self.audiences or (kind == "WECHAT_OPENID") != ("open_app_id" in form):
            return _error(11500)
        data = asked.files["file"]
        assert len(data) <= 100_000_000
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            [name] = archive.namelist()
            lines = archive.read(name).decode().splitlines()
        bad = self.has_fault(BAD_FILE)
        adds = form.get("operation_type", "APPEND") == "APPEND"
        valid = self.taken_of(audience, {line for line in lines if LINES[kind].fullmatch(line)}, adds)
        valid_lines = sum(line in valid for line in lines)
        valid = set() if bad else valid
        if adds:
            self.sets[audience] |= valid
        else:
            self.sets[audience] -= valid
        key = str(9000 + len(self.files))
        self.files[key] = {
            "audience_id": int(audience), "custom_audience_file_id": int(key), "user_id_type": kind,
            "line_count": len(lines), "valid_line_count": valid_lines,
            "user_count": len(valid), "polls": self.polls, "bad": bad,
        }  # fmt: skip
        return _data({"custom_audience_file_id": int(key)})

    def _files(self, asked: Asked, params: dict[str, str]) -> Answered:
        file = self.files.get(params["custom_audience_file_id"])
        if file is None:
            return _list([])
        file["polls"] -= 1
        reading = file["polls"] >= 0
        state = "PROCESSING" if reading else "ERROR" if file["bad"] else "SUCCESS"
        code = 201 if file["bad"] and not reading else 0
        words = "line 3: 13800138000 is wrong" if code else ""
        return _list([{**file, "process_status": state, "process_code": code, "error_message": words}])

    def _status(self, key: str) -> str:
        audience = self.audiences[key]
        files = [file for file in self.files.values() if str(file["audience_id"]) == key]
        if audience["status"] not in ("PENDING", "SUCCESS"):
            return str(audience["status"])
        if not files:
            return "PENDING"
        return "PROCESSING" if any(file["polls"] >= 0 for file in files) else "SUCCESS"

    def _audiences(self, asked: Asked, params: dict[str, str]) -> Answered:
        key = params["audience_id"]
        if key not in self.audiences:
            return _list([])
        audience = self.audiences[key]
        return _list(
            [{**audience, "audience_id": int(key), "status": self._status(key), "user_count": len(self.sets[key])}]
        )

    def _daily(self, asked: Asked, params: dict[str, str]) -> Answered:
        days, fields = json.loads(params["date_range"]), json.loads(params["fields"])
        rows = [row for row in self.reports if days["start_date"] <= row["date"] <= days["end_date"]]
        page, size = int(params["page"]), int(params["page_size"])
        chosen = [{name: row[name] for name in fields} for row in rows[(page - 1) * size : page * size]]
        return _list(chosen, page, -(-len(rows) // size))


def _error(code: int) -> Answered:
    return 200, {"code": code, "message": "refused: 13800138000", "message_cn": "错误", "errors": []}


def _data(data: Any) -> Answered:
    return 200, {"code": 0, "message": "", "message_cn": "", "data": data}


def _list(rows: list[Any], page: int = 1, pages: int = 1) -> Answered:
    info = {"page": page, "page_size": 100, "total_number": len(rows), "total_page": max(pages, 1)}
    return _data({"list": rows, "page_info": info})

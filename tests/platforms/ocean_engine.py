"""Ocean Engine on loopback: data sources that are read after some polls, audiences to publish and push, reports."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from platforms.server import AUTH, RATE, Answered, Asked, PlatformServer

CHINA = timezone(timedelta(hours=8))
STATES = "CUSTOM_AUDIENCE_DELIVERY_STATUS_"
# A file that the platform cannot read.
BAD_FILE = "bad file"


class OceanEngineServer(PlatformServer):
    """Keeps data sources with their audiences. `polls` are the questions that a file is still being read for.

    `sets` are by the name of the data source. Of the next call whose path ends with `loses`, the answer is lost.
    """

    rotates = True
    inner = (BAD_FILE,)

    def __init__(self, account: str = "168", polls: int = 1, lists_all: bool = True) -> None:
        super().__init__()
        self.account, self.polls, self.lists_all, self.loses = account, polls, lists_all, ""
        self.paths: dict[str, bytes] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self.pushed_to: dict[int, list[int]] = {}
        self.reports: list[dict[str, Any]] = []

    def refusal(self, kind: str) -> Answered:
        """Throttles and refused tokens come with HTTP 200."""
        if kind in (RATE, AUTH):
            return _error({RATE: 40100, AUTH: 40102}[kind])
        return super().refusal(kind)

    def answer(self, asked: Asked) -> Answered:
        """Answer one of the interfaces."""
        body = asked.json or asked.form or asked.params
        if asked.path == "/oauth2/refresh_token/":
            return self._renew(asked.json)
        if asked.headers.get("access-token") != self.token:
            return _error(40105)
        if str(body["advertiser_id"]) != self.account:
            return _error(40002)
        interfaces = {
            "/2/dmp/data_source/file/upload/": self._upload, "/2/dmp/data_source/create/": self._create,
            "/2/dmp/data_source/update/": self._update, "/2/dmp/data_source/read/": self._sources,
            "/2/dmp/custom_audience/select/": self._audiences, "/2/dmp/custom_audience/publish/": self._publish,
            "/2/dmp/custom_audience/push_v2/": self._push, "/v3.0/report/custom/get/": self._custom,
        }  # fmt: skip
        return interfaces[asked.path](asked, body)

    def _renew(self, body: dict[str, Any]) -> Answered:
        if body["app_id"] != 77 or (token := self.renewed(body["secret"], body["refresh_token"])) is None:
            return _error(40103)
        return _data({"access_token": token, "refresh_token": self.refresh_token, "expires_in": self.lifetime,
                      "refresh_token_expires_in": 2_592_000})  # fmt: skip

    def serve(self, asked: Asked) -> Answered | None:
        """Answer, or lose the answer."""
        answered = super().serve(asked)
        if self.loses and asked.path.endswith(self.loses):
            self.loses = ""
            return None
        return answered

    def _upload(self, asked: Asked, form: dict[str, str]) -> Answered:
        data = asked.files["file"]
        assert len(data) <= 50_000_000
        if hashlib.md5(data).hexdigest() != form["file_signature"]:
            return _error(40001)
        path = f"tos/{len(self.paths)}/{asked.form['file_signature']}"
        self.paths[path] = data
        return _data({"file_path": path})

    def _create(self, asked: Asked, body: dict[str, Any]) -> Answered:
        if len(body["data_source_name"]) > 30 or body["data_format"] or body["file_storage_type"]:
            return _error(40001)
        key = f"ds{len(self.sources)}"
        self.sources[key] = {
            "data_source_id": key, "name": body["data_source_name"], "audience": 500 + len(self.sources),
            "change_logs": [], "pushed": False, "published": None, "create_time": self._time(),
        }  # fmt: skip
        self.sets.setdefault(body["data_source_name"], set())
        return self._changed(key, 0, body["file_paths"], {"data_source_id": key})

    def _update(self, asked: Asked, body: dict[str, Any]) -> Answered:
        return self._changed(body["data_source_id"], body["operation_type"], body["file_paths"], {})

    def _changed(self, key: str, operation: int, paths: list[str], data: dict[str, Any]) -> Answered:
        source, bad = self.sources[key], self.has_fault(BAD_FILE)
        members = self.sets[source["name"]]
        for path in paths:
            ids = self.taken_of(source["name"], {ids for _, ids in decoded(self.paths[path])}, operation != 2)
            if not bad:
                members.difference_update(ids) if operation == 2 else members.update(ids)
        source["change_logs"].append(
            {"action": operation, "file_paths": paths, "polls": self.polls, "bad": bad, "create_time": self._time(),
             "publish_time": ""}
        )  # fmt: skip
        return _data(data)

    def _sources(self, asked: Asked, params: dict[str, str]) -> Answered:
        if "data_source_id_list" not in params and not self.lists_all:
            return _error(40001)
        ids = json.loads(params.get("data_source_id_list", json.dumps(list(self.sources))))
        assert len(ids) <= 400 or "data_source_id_list" not in params
        return _data({"data_list": [self._shown(self.sources[key]) for key in ids if key in self.sources]})

    def _shown(self, source: dict[str, Any]) -> dict[str, Any]:
        changes = source["change_logs"]
        for change in changes:
            change["polls"] -= 1
            change["status"] = 1 if change["polls"] >= 0 else 3 if change["bad"] else 2
        parsed = changes[0]["status"] >= 2
        shown = {name: source[name] for name in ("data_source_id", "name", "change_logs", "create_time")}
        shown |= {"status": 2 if parsed else 1, "latest_published_time": source["published"] or ""}
        return {**shown, "default_audience": self._audience(source)} if parsed else shown

    def _audience(self, source: dict[str, Any]) -> dict[str, Any]:
        uploaded = len(self.sets[source["name"]])
        names = {(True, True): "AVAILABLE", (True, False): "NEED_PUSH", (False, True): "NEED_PUBLISH"}
        state = names.get((bool(source["published"]), source["pushed"]), "UNAVAILABLE")
        return {
            "custom_audience_id": source["audience"], "name": source["name"], "isdel": 0,
            "status": source.get("ended", 2),
            "data_source_id": source["data_source_id"], "upload_num": uploaded, "cover_num": uploaded * 3 // 4,
            "delivery_status": STATES + state, "expire_date": "2025-08-03 00:00:00",
        }  # fmt: skip

    def _audiences(self, asked: Asked, params: dict[str, str]) -> Answered:
        parsed = [source for source in self.sources.values() if "default_audience" in self._shown(source)]
        offset, limit = int(params["offset"]), int(params["limit"])
        page = [self._audience(source) for source in parsed[offset : offset + limit]]
        return _data({"custom_audience_list": page, "offset": offset, "total_num": len(parsed)})

    def _of_audience(self, body: dict[str, Any]) -> dict[str, Any]:
        return next(s for s in self.sources.values() if s["audience"] == body["custom_audience_id"])

    def _publish(self, asked: Asked, body: dict[str, Any]) -> Answered:
        source = self._of_audience(body)
        if source["published"] and datetime.now(CHINA) < _read_time(source["published"]) + timedelta(hours=24):
            return _error(40001)
        source["published"] = self._time()
        for change in source["change_logs"]:
            change["publish_time"] = self._time() if change.get("status") == 2 else ""
        return _data({})

    def _push(self, asked: Asked, body: dict[str, Any]) -> Answered:
        self._of_audience(body)["pushed"] = True
        self.pushed_to[body["custom_audience_id"]] = body["target_advertiser_ids"]
        return _data({})

    def _custom(self, asked: Asked, params: dict[str, str]) -> Answered:
        first, last = params["start_time"], params["end_time"]
        assert (datetime.fromisoformat(last) - datetime.fromisoformat(first)).days < 30
        rows = [row for row in self.reports if first <= row["dimensions"]["stat_time_day"] <= last]
        page, size = int(params["page"]), int(params["page_size"])
        info = {"page": page, "page_size": size, "total_number": len(rows), "total_page": max(1, -(-len(rows) // size))}
        return _data({"rows": rows[(page - 1) * size : page * size], "total_metrics": {}, "page_info": info})

    def _time(self) -> str:
        return f"{datetime.now(CHINA):%Y-%m-%d %H:%M:%S}"


def decoded(data: bytes) -> Iterator[tuple[int, str]]:
    """Type and id of every item of every line of a zip, as the platform's own parser reads them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            for line in archive.read(name).splitlines():
                items = [dict(_fields(item)) for _, item in _fields(base64.b64decode(line, validate=True))]
                assert len(items) <= 10_000
                for item in items:
                    text = item[3].decode()
                    assert text == text.lower()
                    yield item[2], text


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values of the fields of a message: protobuf's varints and lengths."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, at = _varint(message, at)
        if key & 7 == 2:
            yield key >> 3, message[at : at + number]
            at += number
        else:
            assert key & 7 == 0
            yield key >> 3, number


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while message[at] & 0x80:
        number |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | message[at] << shift, at + 1


def _read_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def _error(code: int) -> Answered:
    return 200, {"code": code, "message": "13800138000 is wrong", "data": {}, "request_id": "2025"}


def _data(data: Any) -> Answered:
    return 200, {"code": 0, "message": "OK", "data": data, "request_id": "2025"}

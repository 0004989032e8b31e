"""Lists that Meta answers page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.exports.http import Http


def rows_of(http: Http, path: str, params: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Rows of all pages."""
    after: dict[str, str] = {}
    while True:
        answer = http.call("GET", path, params={**params, **after})
        yield from answer["data"]
        paging = answer.get("paging", {})
        if "next" not in paging:
            return
        after = {"after": paging["cursors"]["after"]}

"""Writes audiences as files to a bucket or folder."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from jobs.exports.hashing import IdFormat
from jobs.exports.platform import Delivered, Platform
from quanyu.errors import ConfigError, RejectedError
from quanyu.files import Bucket

Row = tuple[str | None, ...]
MANIFEST, SUCCESS = "_MANIFEST.json", "_SUCCESS"
PART = re.compile(r"part-\d{5,}\.csv\.gz")


@dataclass(frozen=True)
class SeedPart:
    """One file of the set, as listed in the manifest."""

    name: str
    rows: int
    bytes: int
    sha256: str


class Drop(Platform):
    """Gzip CSV parts of hashed identifiers under name/audience/day/, a manifest, and _SUCCESS when all are written."""

    name = "drop"
    forms: ClassVar[Mapping[str, IdFormat]] = {"phone": IdFormat("e164_digits"), "email": IdFormat("lower_trim")}

    def __init__(self, rows_per_part: int = 1_000_000, staging: Path | None = None) -> None:
        if rows_per_part < 1:
            raise ConfigError(f"rows_per_part is {rows_per_part}; a part holds at least 1 row.")
        self.rows_per_part, self.staging = rows_per_part, staging

    def deliver(
        self,
        bucket: Bucket,
        audience: str,
        day: date,
        rows: Iterable[Row],
        kinds: tuple[str, ...],
        facts: Mapping[str, Any],
    ) -> Delivered:
        """Write the set, unless the same one is complete. Rows are sorted, so that their order reveals nobody.

        `kinds` are the names of columns. `facts` go into the manifest; `facts["name"]` begins the path, and
        `facts["counts"]` is merged into the counts. Files that a home other than `facts["home"]` wrote there are not
        touched.
        """
        identified = [row for row in rows if any(value is not None for value in row)]
        unique = sorted(set(identified), key=lambda row: [value or "" for value in row])
        with tempfile.TemporaryDirectory(dir=self.staging) as staged:
            parts = [_write(Path(staged), n, kinds, chunk) for n, chunk in enumerate(self._chunks(unique))]
            counts = {**facts.get("counts", {}), "exported": len(identified), "rows": len(unique)}
            manifest = _manifest(audience, day, kinds, parts, {**facts, "counts": counts})
            prefix = f"{facts['name']}/{audience}/{day.isoformat()}/"
            _check_owner(bucket, prefix, facts["home"])
            written = not _is_complete(bucket, prefix, parts, manifest)
            if written:
                _replace(bucket, prefix, Path(staged), parts, manifest)
        return Delivered(f"{bucket.location}/{prefix}", len(parts), len(unique), written)

    def _chunks(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        remaining = iter(rows)
        while chunk := list(islice(remaining, self.rows_per_part)):
            yield chunk


def _write(folder: Path, number: int, kinds: tuple[str, ...], rows: Sequence[Row]) -> SeedPart:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kinds)
    writer.writerows(rows)
    # No time in the header: the same rows give the same bytes.
    data = gzip.compress(text.getvalue().encode(), mtime=0)
    part = SeedPart(f"part-{number:05}.csv.gz", len(rows), len(data), hashlib.sha256(data).hexdigest())
    (folder / part.name).write_bytes(data)
    return part


def _manifest(
    audience: str, day: date, kinds: tuple[str, ...], parts: Sequence[SeedPart], facts: Mapping[str, Any]
) -> bytes:
    content = {
        **facts,
        "audience": audience,
        "day": day.isoformat(),
        "identifiers": list(kinds),
        "parts": [asdict(part) for part in parts],
    }
    return json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n"


def _check_owner(bucket: Bucket, prefix: str, home: str) -> None:
    """Raise RejectedError if another home wrote there."""
    if prefix + MANIFEST not in bucket.list(prefix):
        return
    owner = json.loads(bucket.get(prefix + MANIFEST)).get("home")
    if owner != home:
        raise RejectedError(
            f"{bucket.location}/{prefix} was written by another home; give one of them another `name` in base.yml"
        )


def _is_complete(bucket: Bucket, prefix: str, parts: Sequence[SeedPart], manifest: bytes) -> bool:
    expected = {prefix + name for name in (MANIFEST, SUCCESS, *(part.name for part in parts))}
    existing = {key for key in bucket.list(prefix) if key in expected or PART.fullmatch(key.removeprefix(prefix))}
    return existing == expected and bucket.get(prefix + MANIFEST) == manifest


def _replace(bucket: Bucket, prefix: str, staged: Path, parts: Sequence[SeedPart], manifest: bytes) -> None:
    # Without _SUCCESS the set counts as incomplete if the process is killed from here on.
    bucket.delete(prefix + SUCCESS)
    names = {part.name for part in parts}
    for key in bucket.list(prefix):
        name = key.removeprefix(prefix)
        if PART.fullmatch(name) and name not in names:
            bucket.delete(key)
    for part in parts:
        bucket.put(prefix + part.name, staged / part.name)
    bucket.put(prefix + MANIFEST, manifest)
    bucket.put(prefix + SUCCESS, b"")

"""Platforms that take audiences as files: a whole set per day in a bucket or folder, with a manifest and _SUCCESS."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from jobs.exports.files.file_parts import Layout, PartWriter, SeedPart
from jobs.exports.platform import ApiLimits, Delivered, Platform
from quanyu.errors import ConfigError, RejectedError
from quanyu.files import Bucket
from quanyu.grammar.platforms.account import Account

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST, SUCCESS = "_MANIFEST.json", "_SUCCESS"
# What receivers of a manifest can rely on; it rises when a key changes its meaning.
VERSION = 2
# A set is complete: who is in no part of it is to be removed.
OPERATION = "full"
CONSENT = "consent of each person to the purpose, asked of the gate on the day"
NOBODY = "nobody is left: delete the audience on the platform if it was ever uploaded"
OURS = re.compile(rf"run=[0-9a-f]{{12}}/({SUCCESS}|{re.escape(MANIFEST)}|{OPERATION}-(.+-)?\d{{5,}}\.(csv|txt)(\.gz)?)")


@dataclass(frozen=True)
class SeedFile:
    """Identifiers that share a file, and how many rows of it the platform takes: from `least` to `most`."""

    identifiers: tuple[str, ...]
    least: int = 0
    most: int | None = None

    def problem(self, rows: int) -> str | None:
        """Say why the platform refuses a file of so many rows; None if it takes it."""
        if 0 < rows < self.least:
            return f"{rows:,} rows: the platform refuses fewer than {self.least:,}; delete an earlier upload there"
        if self.most is not None and rows > self.most:
            return f"{rows:,} rows: the platform refuses more than {self.most:,}"
        return None


class FileDrop(Platform):
    """A platform that takes a file. Each day's set replaces the one before.

    Under NAME/PLATFORM/ACCOUNT/AUDIENCE/dt=DAY/run=RUN/ lie the parts, a manifest, and `_SUCCESS`, without which
    nothing may be read. RUN is a hash of the content: an equal set is not written twice. A subclass says how its files
    look and which identifiers share one; the rest is the same for all.
    """

    layout: ClassVar[Layout] = Layout()
    # All identifiers share one file if none is listed.
    files: ClassVar[tuple[SeedFile, ...]] = ()
    # Headers of columns by identifier, where the platform has its own.
    headers: ClassVar[Mapping[str, str]] = {}
    # A page that replaces an audience by a file takes it whole.
    in_parts: ClassVar[bool] = False
    limits: ClassVar[ApiLimits] = ApiLimits(batch=1_000_000)
    # What somebody, or a program, does with the files; it stands in the manifest.
    steps: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, rows_per_part: int = 1_000_000, staging: Path | None = None, account: Account | None = None
    ) -> None:
        if rows_per_part < 1:
            raise ConfigError(f"rows_per_part is {rows_per_part}; a part holds at least 1 row.")
        self.rows_per_part, self.staging, self.account = rows_per_part, staging, account
        self.settings: Any = self.options.model_validate(account.options if account else {})

    @classmethod
    def seed_files(cls) -> tuple[SeedFile, ...]:
        """The files of a set, by the identifiers that share one. A row has values of one file alone."""
        return cls.files or (SeedFile(cls.identifiers()),)

    def constants(self, audience: str) -> Mapping[str, str]:
        """Further columns by header, with the value of every row; none by default."""
        return {}

    def check(self, identifiers: Sequence[str]) -> None:
        """Raise ConfigError if the account may not send these identifiers together."""

    def request(self) -> Mapping[str, Any]:
        """What the upload must say to the platform, for the manifest; nothing by default."""
        return {}

    def deliver(
        self, bucket: Bucket, audience: str, day: date, rows: Iterable[pa.RecordBatch], kinds: tuple[str, ...],
        facts: Mapping[str, Any],
    ) -> Delivered:  # fmt: skip
        """Write the set, unless the same one is complete; an earlier run of the day is removed.

        `rows` are batches with the text columns `kinds`; a row has values of one file (see `seed_files`), and the rows
        of a file ascend without repetition, so that their order reveals nobody. `facts` go into the manifest;
        `facts["name"]` begins the path, `facts["counts"]` is merged into the counts. Files that a home other than
        `facts["home"]` wrote there are not touched.
        """
        of_column = {form.column(identifier): identifier for identifier, form in self.forms.items()}
        self.check([of_column[kind] for kind in kinds])
        account = (self.account.account,) if self.account else ()
        at = f"{'/'.join((facts['name'], self.name, *account, audience))}/dt={day.isoformat()}/"
        with tempfile.TemporaryDirectory(dir=self.staging) as staged:
            parts = self._write(Path(staged), audience, rows, kinds)
            manifest = self._manifest(audience, day, kinds, parts, facts)
            flat = [part for of_file in parts.values() for part in of_file]
            prefix = f"{at}run={_run(kinds, flat)}/"
            _check_owner(bucket, at, facts["home"])
            written = not _is_complete(bucket, at, prefix, flat, manifest)
            if written:
                _replace(bucket, at, prefix, Path(staged), flat, manifest)
        return Delivered(f"{bucket.location}/{prefix}", len(flat), sum(part.rows for part in flat), written)

    def _write(
        self, folder: Path, audience: str, rows: Iterable[pa.RecordBatch], kinds: tuple[str, ...]
    ) -> dict[SeedFile, list[SeedPart]]:
        """Write the rows into the parts of each file that has one of the columns."""
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = {file: self._columns(file, kinds) for file in self.seed_files()}
        columns = {file: names for file, names in columns.items() if names}
        writers = {file: self._writer(folder, audience, file, names, len(columns)) for file, names in columns.items()}
        for batch in rows:
            for file, names in columns.items():
                # Arrow's booleans of several columns: a row belongs to the file of its values.
                valid = [pc.is_valid(batch.column(name)) for name in names]
                mine = valid[0]
                for further in valid[1:]:
                    mine = pc.or_(mine, further)
                chosen = batch if pc.all(mine).as_py() else batch.filter(mine)
                writers[file].write([chosen.column(name).cast(pa.string()) for name in names])
        return {file: writer.close() for file, writer in writers.items()}

    def _columns(self, file: SeedFile, kinds: tuple[str, ...]) -> list[str]:
        names = [self.forms[identifier].column(identifier) for identifier in file.identifiers]
        return [name for name in names if name in kinds]

    def _writer(self, folder: Path, audience: str, file: SeedFile, names: Sequence[str], files: int) -> PartWriter:
        headers = {self.forms[identifier].column(identifier): text for identifier, text in self.headers.items()}
        stem = OPERATION if files == 1 else f"{OPERATION}-{'-'.join(names)}"
        most = self.rows_per_part if self.in_parts else None
        shown = [headers.get(name, name) for name in names]
        return PartWriter(folder, stem, shown, self.constants(audience), self.layout, most)

    def _manifest(
        self, audience: str, day: date, kinds: tuple[str, ...], parts: Mapping[SeedFile, Sequence[SeedPart]],
        facts: Mapping[str, Any],
    ) -> bytes:  # fmt: skip
        rows = {file: sum(part.rows for part in of_file) for file, of_file in parts.items()}
        forms = {form.column(identifier): (identifier, form) for identifier, form in self.forms.items()}
        content = {
            **facts,
            "version": VERSION,
            "platform": self.name,
            "account": self.account.account if self.account else None,
            "audience": audience,
            "day": day.isoformat(),
            "operation": OPERATION,
            "consent": {"basis": CONSENT, "purpose": facts.get("purpose")},
            "identifiers": list(kinds),
            "forms": {
                kind: {"identifier": forms[kind][0], "shape": forms[kind][1].shape, "hash": forms[kind][1].hash}
                for kind in kinds
            },
            "counts": {**facts.get("counts", {}), "rows": sum(rows.values())},
            "problem": None if any(rows.values()) else NOBODY,
            "files": [
                {
                    "identifiers": list(file.identifiers), "rows": rows[file], "least": file.least, "most": file.most,
                    "problem": file.problem(rows[file]), "parts": [part.name for part in of_file],
                }
                for file, of_file in parts.items()
            ],
            "parts": [asdict(part) for of_file in parts.values() for part in of_file],
            "request": dict(self.request()),
            "steps": list(self.steps),
        }  # fmt: skip
        return json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n"


def _run(kinds: Sequence[str], parts: Sequence[SeedPart]) -> str:
    """Name of a run: the same for the same content, whatever else the manifest says."""
    content = json.dumps([kinds, [(part.name, part.sha256) for part in parts]])
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _check_owner(bucket: Bucket, at: str, home: str) -> None:
    """Raise RejectedError if another home wrote there."""
    manifests = [key for key in bucket.list(at) if OURS.fullmatch(key.removeprefix(at)) and key.endswith(MANIFEST)]
    if any(json.loads(bucket.get(key)).get("home") != home for key in manifests):
        raise RejectedError(
            f"{bucket.location}/{at} was written by another home; give one of them another `name` in base.yml"
        )


def _ours(bucket: Bucket, at: str) -> list[str]:
    """Files of sets of the day."""
    return [key for key in bucket.list(at) if OURS.fullmatch(key.removeprefix(at))]


def _is_complete(bucket: Bucket, at: str, prefix: str, parts: Sequence[SeedPart], manifest: bytes) -> bool:
    expected = {prefix + name for name in (MANIFEST, SUCCESS, *(part.name for part in parts))}
    return set(_ours(bucket, at)) == expected and bucket.get(prefix + MANIFEST) == manifest


def _replace(bucket: Bucket, at: str, prefix: str, staged: Path, parts: Sequence[SeedPart], manifest: bytes) -> None:
    # Without _SUCCESS no set of the day counts as complete if the process is killed from here on.
    existing = _ours(bucket, at)
    for key in sorted(existing, key=lambda key: not key.endswith(SUCCESS)):
        bucket.delete(key)
    for part in parts:
        bucket.put(prefix + part.name, staged / part.name)
    bucket.put(prefix + MANIFEST, manifest)
    bucket.put(prefix + SUCCESS, b"")

"""Files as feeds really send them: a table of cases, each with the expected result of reading it."""

from __future__ import annotations

import bz2
import gzip
import io
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.ingest.reader import ReadSpec

CSV = ReadSpec("csv", ("id", "name", "amount"))
OPTIONAL = replace(CSV, columns=("id", "name", "amount", "note"), optional=frozenset({"note"}))
GB = replace(CSV, encoding="gb18030")
UTF16 = replace(CSV, encoding="utf-16")
JSONL = replace(CSV, format="jsonl")
PARQUET = replace(CSV, format="parquet")


@dataclass(frozen=True)
class Case:
    """A landed file and the expected result of reading it: good rows, broken rows by number, or a refusal's message."""

    name: str
    file: str
    content: bytes | None
    spec: ReadSpec
    rows: int = 0
    broken: dict[int, str] = field(default_factory=dict)
    refused: str | None = None
    row: dict[str, str | int | None] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write the file (a folder where there is no content) into `folder` and return its path."""
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.content is None:
            path.mkdir()
        else:
            path.write_bytes(self.content)
        return path


def _table(**columns: pa.Array) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def _names(columns: list[str]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array(["1"])] * len(columns), names=columns), out)
    return out.getvalue()


def _lines(count: int, text: str = "{n},名{n},{n}.50\n") -> bytes:
    return "".join(text.format(n=n) for n in range(1, count + 1)).encode()


HEAD = b"id,name,amount\n"
GOOD = HEAD + _lines(3)
THREE = {"id": "1", "name": "名1", "amount": "1.50", "_row": 1, "_rest": None}
ZSTD = pa.compress(GOOD, "zstd", asbytes=True)
SAME = _table(**{name: pa.array(["1"] * 400_000) for name in ("id", "name", "amount")})
TYPED = _table(
    id=pa.array([17850.0, None]),
    name=pa.array([datetime(2011, 12, 9, 8, 26), datetime(2011, 12, 9, 8, 26, 0, 5000)], pa.timestamp("ns")),
    amount=pa.array([Decimal("0.00000001"), Decimal("12")], pa.decimal128(20, 8)),
    day=pa.array([date(2011, 12, 9), None]),
    flag=pa.array([True, False]),
    tags=pa.array([[{"名": 1}], None]),
    at=pa.array([datetime(2011, 12, 9, tzinfo=timezone.utc), None], pa.timestamp("us", "Asia/Shanghai")),  # noqa: UP017
    clock=pa.array([time(8, 5), None], pa.time64("us")),
    kind=pa.array(["a", None]).dictionary_encode(),
    small=pa.array([0.1, None], pa.float32()),
    large=pa.array([1e21, None]),
    raw=pa.array([b"\xff", None]),
)
TYPED_REST = (
    '{"day":"2011-12-09","flag":"true","tags":"[{\\"名\\":1}]","at":"2011-12-09 08:00:00+08:00","clock":"08:05:00",'
    '"kind":"a","small":"0.1","large":"1000000000000000000000.0","raw":"ff"}'
)
NOT_TEXT = _table(id=pa.array(["1"]), name=pa.array([b"\xff\xfe"]).view(pa.string()), amount=pa.array(["1"]))
MANY = HEAD + _lines(100)

WHOLE = [
    Case("plain", "a.csv", GOOD, CSV, 3, row=THREE),
    Case("no line end at the end", "a.csv", GOOD[:-1], CSV, 3, row=THREE),
    Case("windows line ends", "a.csv", GOOD.replace(b"\n", b"\r\n"), CSV, 3, row=THREE),
    Case("old macintosh line ends", "a.csv", GOOD.replace(b"\n", b"\r"), CSV, 3, row=THREE),
    Case("macintosh line ends and a broken row", "a.csv", (GOOD + b"4\n").replace(b"\n", b"\r"), CSV, 3,
         {4: "1 field where"}),
    Case("byte order mark", "a.csv", b"\xef\xbb\xbf" + GOOD, CSV, 3, row=THREE),
    Case("byte order mark and quoted header", "a.csv", b'\xef\xbb\xbf"id","name","amount"\n1,x,2\n', CSV, 1),
    Case("gb18030", "a.csv", GOOD.decode().encode("gb18030"), GB, 3, row=THREE),
    Case("gb18030 with four-byte characters", "a.csv", "id,name,amount\n1,𠮷野家,2\n".encode("gb18030"), GB, 1,
         row={"name": "𠮷野家"}),
    Case("gb18030 byte order mark", "a.csv", ("\ufeff" + GOOD.decode()).encode("gb18030"), GB, 3, row=THREE),
    Case("utf-16 as declared", "a.csv", GOOD.decode().encode("utf-16"), UTF16, 3, row=THREE),
    Case("header only", "a.csv", HEAD, CSV),
    Case("header only without line end", "a.csv", HEAD[:-1], CSV),
    Case("blank lines", "a.csv", b"\n\n" + HEAD + b"\n1,x,2\n\n\n2,y,3\n\n", CSV, 2),
    Case("columns in another order", "a.csv", b"amount,id,name\n1.50,1,\xe5\x90\x8d1\n", CSV, 1, row=THREE),
    Case("header with blanks", "a.csv", b" id , name,amount\t\n1,\xe5\x90\x8d1,1.50\n", CSV, 1, row=THREE),
    Case("values keep their blanks", "a.csv", HEAD + b" 1 , x,2\n", CSV, 1, row={"id": " 1 ", "name": " x"}),
    Case("empty fields are null", "a.csv", HEAD + b'1,,""\n', CSV, 1, row={"name": None, "amount": None}),
    Case("extra columns", "a.csv", b'id,x,name,amount,\n1,"a ""b""\\",n,2,\n2,,n,2,z\n', CSV, 2,
         row={"id": "1", "_rest": '{"x":"a \\"b\\"\\\\"}'}),
    Case("optional column missing", "a.csv", GOOD, OPTIONAL, 3, row={**THREE, "note": None}),
    Case("value over several lines", "a.csv", HEAD + b'1,"a\nb,\r\nc",2\n2,x,3\n', CSV, 2, row={"name": "a\nb,\r\nc"}),
    Case("quotes inside a field", "a.csv", HEAD + b'1,5" pipe,2\n2,"5"" pipe",2\n', CSV, 2, row={"name": '5" pipe'}),
    Case("other delimiter and quote", "a.csv", b"id;name;amount\n1;'a;b';2\n",
         replace(CSV, delimiter=";", quote="'"), 1, row={"name": "a;b"}),
    Case("no quoting", "a.csv", HEAD + b'1,"x,2\n', replace(CSV, quote=""), 1, row={"name": '"x'}),
    Case("endless number", "a.csv", HEAD + b"1," + b"9" * 300_000 + b",2\n", CSV, 1),
    Case("gzip", "a.csv.gz", gzip.compress(GOOD), CSV, 3, row=THREE),
    Case("gzip under a csv name", "a.csv", gzip.compress(GOOD), CSV, 3, row=THREE),
    Case("gzip in several members", "a.csv.gz", gzip.compress(HEAD) + gzip.compress(_lines(3)), CSV, 3, row=THREE),
    Case("bzip2", "a.csv.bz2", bz2.compress(GOOD), CSV, 3, row=THREE),
    Case("zstandard", "a.csv.zst", ZSTD, CSV, 3, row=THREE),
    Case("name with blanks and signs", "门店 #1 %20?.csv", GOOD, CSV, 3, row=THREE),
    Case("parquet of every type", "a.parquet", TYPED, PARQUET, 2,
         row={"id": "17850.0", "name": "2011-12-09 08:26:00", "amount": "0.00000001", "_rest": TYPED_REST}),
    Case("parquet without rows", "a.parquet", _table(**dict.fromkeys(PARQUET.columns, pa.array([], pa.string()))),
         PARQUET),
]  # fmt: skip

BROKEN = [
    Case("surplus field", "a.csv", HEAD + b"1,a,1\n2,b,2,9\n3,c,3\n", CSV, 2, {2: "4 fields where the header has 3"}),
    Case("missing field", "a.csv", HEAD + b"1,a,1\n\n2,b\n3,c,3\n", CSV, 2, {2: "2 fields where the header has 3"}),
    Case("rows that do not decode", "a.csv", MANY + b"101,caf\xe9,1\n102,\xc3\xfb,2\n103,c,3\n", CSV, 101,
         {101: "byte 0xe9 at position 8", 102: "but does as gb18030"}),
    Case("gb18030 row that does not decode", "a.csv", HEAD + b"1,\xff\xff,1\n2,b,2\n", GB, 1,
         {1: "does not decode as gb18030"}),
    Case("unclosed quote", "a.csv", HEAD + b'1,a,1\n2,"b,2\n3,c,3\n4,d,4\n', CSV, 3, {2: "never closed"}),
    Case("unclosed quote in the last column", "a.csv", HEAD + b'1,a,"1\n2,b,2\n3,c,3\n', CSV, 2, {1: "never closed"}),
    Case("two stray quotes", "a.csv", HEAD + b'1,a,"1\n2,b,2\n3,c,"3\n4,d,4\n', CSV, 2,
         {1: "text after", 3: "never closed"}),
    Case("text after a closing quote", "a.csv", HEAD + b'1,"a"b,1\n2,b,2\n', CSV, 1, {1: "text after a closing quote"}),
    Case("broken row over several lines", "a.csv", MANY + b'101,"a\nb",1,9\n102,c,3\n', CSV, 101, {101: "4 fields"}),
    Case("total line at the end", "a.csv", GOOD + b"total 3\n", CSV, 3, {4: "1 field where"}),
    Case("json lines", "a.jsonl", b'\xef\xbb\xbf{"id": 1, "name": "x", "amount": 1.50}\n\n[1]\n{"id": 2\nnull\n',
         JSONL, 1, {2: "but a list", 3: "not a JSON object", 4: "but null"},
         row={"id": "1", "amount": "1.50"}),
    Case("json numbers as written", "a.jsonl",
         b'{"id": 123456789012345678901234567890, "name": 1e21, "amount": -0.10, "x": {"n": 1.0, "m": [1E5, null]}}\n',
         JSONL, 1, row={"id": "123456789012345678901234567890", "name": "1e21", "amount": "-0.10",
         "_rest": '{"x":{"n":1.0,"m":[1E5,null]}}', }),
    Case("json nested in a column", "a.jsonl", '{"id": {"b": "名"}, "name": true, "amount": null}\n'.encode(),
         JSONL, 1, row={"id": '{"b":"名"}', "name": "true", "amount": None}),
    Case("json of every bad kind", "a.jsonl",
         b'{"id": NaN}\n{"id": 1, "id": 2}\n{"id": "\\ud800"}\n' + b'{"id": ' + b"[" * 5000 + b"\n",
         replace(JSONL, broken_allowed=4), 0,
         {1: "NaN", 2: "a name occurs twice", 3: "surrogate", 4: "nested too deeply"}),
    Case("json that does not decode", "a.jsonl",
         b'{"id": 1, "name": "\xff", "amount": 1}\n{"id":1,"name":2,"amount":3}\n', JSONL, 1,
         {1: "does not decode"}),
    Case("json lines cut off", "a.jsonl", b'{"id":1,"name":2,"amount":3}\n{"id":1,"na', JSONL, 1,
         {2: "not a JSON object"}),
    Case("json lines packed", "a.jsonl.gz", gzip.compress(b'{"id":1,"name":2,"amount":3}\n'), JSONL, 1),
    Case("json lines without lines", "a.jsonl", b"", JSONL),
]  # fmt: skip

REFUSED = [
    Case("empty", "a.csv", b"", CSV, refused="not even a header"),
    Case("blank lines only", "a.csv", b"\r\n\r\n", CSV, refused="not even a header"),
    Case("empty in an archive", "a.csv.gz", gzip.compress(b""), CSV, refused="not even a header"),
    Case("missing column", "a.csv", b"id,nme,amount\n1,x,2\n", CSV, refused="missing; the file has 3 columns"),
    Case("another delimiter", "a.csv", b"id;name;amount\n1;x;2\n", CSV, refused="is missing; the file has 1 columns"),
    Case("too many columns", "a.csv", b"," * 10_000 + b"\n", CSV, refused="it has 10001 columns; at most 10000"),
    Case("a line without an end", "a.csv", b"id,name,amount\n" + b"x" * (66 << 20), CSV, refused="more than 64 MB"),
    Case("no header", "a.csv", _lines(3), CSV, refused="is missing"),
    Case("column twice", "a.csv", b"id,name,amount, name\n1,x,2,y\n", CSV, refused="the columns 2, 4 of the header"),
    Case("header in another encoding", "a.csv", "id,name,amount,备注\n".encode("gb18030"), CSV,
         refused="header does not decode as utf-8"),
    Case("rows in another encoding", "a.csv", "".join(["id,name,amount\n", *["1,名字,2\n"] * 9]).encode("gb18030"), CSV,
         refused="9 of 9 rows are broken"),
    Case("utf-8 declared as gb18030", "a.csv", b"\xef\xbb\xbf" + GOOD, GB, refused="it is UTF-8, and the source"),
    Case("utf-8 taken for gb18030", "a.csv", "id,name,amount\n1,全域营销中心,\n".encode(), GB, refused="it is UTF-8"),
    Case("unclosed quote in the header", "a.csv", b'id,"name,amount\n1,x,2\n', CSV, refused="header opens a quote"),
    Case("utf-16 unawares", "a.csv", GOOD.decode().encode("utf-16"), CSV, refused="begins as UTF-16"),
    Case("utf-16 without a mark", "a.csv", GOOD.decode().encode("utf-16-le"), CSV, refused="NUL bytes"),
    Case("utf-16 cut off", "a.csv", GOOD.decode().encode("utf-16")[:-1], UTF16, refused="does not decode as utf-16"),
    Case("nul bytes", "a.csv", GOOD + b"4,\0,1\n", CSV, refused="NUL bytes"),
    Case("truncated gzip", "a.csv.gz", gzip.compress(MANY)[:-9], CSV, refused="gzip archive is truncated or corrupt"),
    Case("corrupt gzip", "a.csv.gz", gzip.compress(MANY)[:-5] + b"\0\1\2\3\4", CSV, refused="or corrupt"),
    Case("truncated bzip2", "a.csv.bz2", bz2.compress(MANY)[:-9], CSV, refused="bz2 archive is truncated"),
    Case("truncated zstandard", "a.csv.zst", ZSTD[:-4], CSV, refused="zstd archive is truncated"),
    Case("named as an archive", "a.csv.gz", GOOD, CSV, refused="named as a gzip archive"),
    Case("packed twice", "a.csv.gz", gzip.compress(gzip.compress(GOOD)), CSV, refused="packed twice"),
    Case("bomb of zeros", "a.csv.gz", gzip.compress(bytes(80 << 20)), CSV, refused="more than 64 MB"),
    Case("archive beyond its limit", "a.csv.gz", gzip.compress(b"id\n" * 700_000), replace(CSV, unpacked_bytes=1 << 20),
         refused="unpacked it has more than 1 MB, which unpacked_mb"),
    Case("parquet beyond its limit", "a.parquet", SAME, replace(PARQUET, unpacked_bytes=1 << 20), refused="than 1 MB"),
    Case("zip", "a.csv", b"PK\x03\x04" + b"\0" * 50, CSV, refused="zip archive"),
    Case("html", "a.csv", b"\n<!DOCTYPE html><html><body>503</body></html>", CSV, refused="HTML"),
    Case("xls", "a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 50, CSV, refused="old Excel"),
    Case("parquet under a csv name", "a.csv", TYPED, CSV, refused="parquet"),
    Case("directory", "a.csv", None, CSV, refused="directory"),
    Case("mostly broken", "a.csv", MANY + b"x\n" * 6, CSV, refused="6 of 106 rows are broken, more than 5%"),
    Case("a quote that swallows half", "a.csv", HEAD + b'1,"a\n' + _lines(40) + b'",2,3\n' + _lines(40), CSV,
         refused="more than 5%"),
    Case("json array", "a.jsonl", b"[\n" + b'{"id": 1, "name": 2, "amount": 3},\n' * 9 + b"]\n", JSONL,
         refused="are broken"),
    Case("json without a column", "a.jsonl", b'{"id": 1, "name": "x"}\n', JSONL, refused="'amount' is missing"),
    Case("csv under a json name", "a.jsonl", MANY, JSONL, refused="not a JSON object"),
    Case("empty parquet", "a.parquet", b"", PARQUET, refused="parquet file is truncated"),
    Case("truncated parquet", "a.parquet", TYPED[:-20], PARQUET, refused="parquet file is truncated"),
    Case("corrupt parquet", "a.parquet", TYPED[:10] + b"\xff" * 60 + TYPED[70:], PARQUET, refused="or corrupt"),
    Case("csv under a parquet name", "a.parquet", GOOD, PARQUET, refused="parquet file is truncated"),
    Case("parquet without a column", "a.parquet", _names(["id", "name"]), PARQUET, refused="'amount' is missing"),
    Case("parquet column twice", "a.parquet", _names(["id", "name", "amount", "id"]), PARQUET, refused="columns 1, 4"),
    Case("parquet text that is none", "a.parquet", NOT_TEXT, PARQUET, refused="parquet file is truncated or corrupt"),
]  # fmt: skip

CASES: list[Case] = [*WHOLE, *BROKEN, *REFUSED]

"""Edge values of every type in one frame, and an expression for every entry in the tables of functions and casts."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from quanyu.expressions.casts import PAIRS
from quanyu.expressions.functions.table import functions

ZONES = ("Asia/Shanghai", "Europe/London", "America/New_York")
ROWS = 67

SHANGHAI, LONDON, NEW_YORK = (ZoneInfo(zone) for zone in ZONES)


def at(text, zone=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


TEXTS = [
    None, "", " ", "\u3000", "a", "Ann Lee", "  padded\t", "中文 字", "é", "e\u0301", "İstanbul", "straße", "ΑΣ",
    "😀x", "1", "-1", "+7", "007", " 12 ", "１２", "1.5", "1e3", "-0", ".5", "5.", "NaN", "Infinity", "99999999999",
    "9223372036854775808", "12345678901234567890.123", "true", "f", "yes", "2024-02-29", "2023-02-29", "2024-1-5",
    "2024-01-31T10:15:00", "2024-01-31 10:15", "2024-01-31 25:00:00", "2024-01-31 10:15:00+08:00", "9999-12-31",
    "0001-01-01", "1986-05-04 00:30:00", "1991-09-15 01:30:00", "2024-03-31 01:30:00", "2024-11-03 01:30:00",
    "10:15:00", "now", "today", "CST", "a-b-c", "a,b", "a.b", "$1", "a\\b", "it's", "a\nb", "x\r\ny",
    '{"a":1,"b":{"c":"x"}}', '{"a":', "[1,2]", '["a",null]', "20240131", "31/01/2024",
]  # fmt: skip
# Texts from feeds: some can be cast exactly, some not at all.
VALUES = [
    None,
    "1.234", "0.005", "12.3000", "1.0", "1.5E7", "-12.5e-1", "1.234e2", "1e-3", "1.23E+11", "1e400", "1,234",
    "2024-01-31 10:15:00 GMT+8", "2024-01-31 10:15:00+0800", "2024-01-31T10:15:00Z", "2024-01-31 10:15:00 Asia/Tokyo",
    "2024-01-31T10:15:00+08:00[Asia/Shanghai]", "2024-01-31 10:15:00 CST", "2024-01-31 10:15:00 Foo/Bar",
    "1990-05-04T16:00:00.000Z", "2024-01-31T00:00:00Z", '{"a":99999999999999.99}', '{"a":[1.10,1e400,"x: 1,"]}',
    "10:15", "45474", "2024", "1990-05-04 24:00:00", "1986-05-04 02:30:00", "0", "0.000", "9e-3", "1E2", "1.e2",
    "9007199254740993e0", "12345678901234.5e3", '[{"q":1.10},2,{"q":{"r":12345678901.10}}]', '{"a":{"b":1.50}}',
]  # fmt: skip
SHORT = [None, "", "a", "2", "-", "A", "b", "中", "a.b", " ", "x", "é"]
INTS = [None, 0, 1, -1, 2, 3, 7, 12, 31, 100, 400, -3, 2**31 - 1, -(2**31)]
BIGINTS = [None, 0, 1, -1, 2, 5, 10, 60, 3600, 1_700_000_000, 1_700_000_000_123, 2**53 + 1, 2**63 - 1, -(2**63), -7]
MONEY = [None, "0.00", "0.01", "-0.01", "1.00", "2.50", "-2.50", "0.05", "1.005", "99.99", "9999999999999999.99",
         "-9999999999999999.99", "12.34", "0.10"]  # fmt: skip
PRICES = [None, "0.0000", "0.0001", "-0.0001", "1.2345", "-1.0000", "99999999999999.9999", "3.3333"]
DOUBLES = [None, 0.0, -0.0, 1.0, -1.0, 0.1, 0.3, 1.005, 2.5, -2.5, 1e-7, 1e15, 1e16, 1e300, -1e308, 0.1 + 0.2,
           float("nan"), float("inf"), float("-inf"), 123456789.125, 2.0**31, 2.0**63, 5e-324]  # fmt: skip
# No instant in a summer after 2099: Sail's time-zone tables end there, and we cannot fix that.
DAYS = [None, *map(date.fromisoformat, (
    "2024-01-01", "2024-02-29", "2023-12-31", "1970-01-01", "1969-12-31", "0001-01-01", "1582-10-15", "1600-02-29",
    "1900-02-28", "9999-12-31", "2024-03-31", "2024-11-03", "1986-05-04", "2262-12-12", "1677-09-20", "2021-01-03",
))]  # fmt: skip
TIMES = [
    None,
    at("1970-01-01"),
    at("1969-12-31T23:59:59.999999"),
    at("2024-02-29T15:59:59.5"),
    at("2024-02-29T16:00:00"),
    at("9999-12-30T12:00:00"),
    at("0001-01-03"),
    at("1900-12-31T15:54:17"),
    at("2262-12-12"),
    at("1677-09-20"),
    *(at(text, SHANGHAI) for text in ("1986-05-04T00:30:00", "1991-09-15T01:30:00", "1940-06-01T00:00:00")),
    *(at(text, LONDON) for text in ("2024-03-31T00:59:59", "2024-03-31T03:00:00", "2024-10-27T01:30:00")),
    *(at(text, NEW_YORK) for text in ("2024-03-10T01:59:59", "2024-11-03T01:30:00", "2024-11-03T23:30:00")),
]
LISTS = [None, [], [None], ["a"], ["a", "b", "a"], ["a", None, "b"], ["", " "], ["中", "é", "z"]]
NUMBERS = [None, [], [None], [1, 2, 3], [3, None, 1], [2**62, -5], [0]]

COLUMNS = {
    "s": ("string", TEXTS), "t": ("string", SHORT), "i": ("int", INTS), "j": ("int", INTS[::-1]),
    "n": ("bigint", BIGINTS), "m": ("bigint", BIGINTS[::-1]), "d": ("decimal(18,2)", MONEY),
    "e": ("decimal(18,2)", MONEY[::-1]), "u": ("decimal(18,4)", PRICES), "x": ("double", DOUBLES),
    "y": ("double", DOUBLES[::-1]), "a": ("date", DAYS), "b": ("date", DAYS[::-1]), "p": ("timestamp", TIMES),
    "q": ("timestamp", TIMES[::-1]), "f": ("boolean", [None, True, False]),
    "g": ("boolean", [True, False, None, False]),
    "ss": ("array<string>", LISTS), "tt": ("array<string>", LISTS[::-1]), "ns": ("array<bigint>", NUMBERS),
    "v": ("string", VALUES),
}  # fmt: skip
SCHEMA = {name: kind for name, (kind, _) in COLUMNS.items()}
ARROW = {
    "string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "decimal(18,2)": pa.decimal128(18, 2),
    "decimal(18,4)": pa.decimal128(18, 4), "double": pa.float64(), "date": pa.date32(), "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"), "array<string>": pa.list_(pa.string()),
    "array<bigint>": pa.list_(pa.int64()),
}  # fmt: skip


def frame():
    """All edge values in one frame; columns repeat with different periods, so that values meet in many pairs."""
    columns = {"_row": pa.array(range(ROWS), pa.int64())}
    for kind, (name, (typed, values)) in zip(count(), COLUMNS.items(), strict=False):
        cells = [values[(row + (kind // 2) * (row // len(values))) % len(values)] for row in range(ROWS)]
        if typed.startswith("decimal"):
            unit = Decimal(1).scaleb(-int(typed[-2]))
            cells = [None if cell is None else Decimal(cell).quantize(unit) for cell in cells]
        columns[name] = pa.array(cells, ARROW[typed])
    return pa.table(columns)


OF_KIND = {
    "string": ("s", "t", "t"), "text": ("s", "n", "d"), "int": ("i", "j", "j"), "bigint": ("n", "m"), "decimal": ("d",),
    "number": ("n",), "double": ("x", "y"), "date": ("a", "b"), "timestamp": ("p", "q"), "boolean": ("f", "g"),
    "T": ("s", "t", "t"), "U": ("n",), "array<T>": ("ss", "tt"), "array<string>": ("ss",),
    "array<array<T>>": ("array(ss, tt)",), "'pattern'": (r"'^([a-z]+)|\\d'",) * 2, "'replacement'": ("'<$1>'",) * 3,
    "'format'": ("'yyyy-MM-dd'",) * 2, "'unit'": ("'month'",) * 2, "'path'": ("'$.a'",) * 2,
    "'weekday'": ("'Tue'",) * 2, "'text'": ("'-'",) * 3, "'number'": ("2",) * 3, "'bits'": ("256",) * 2,
    "T -> U": ("", "_e -> length(_e)"), "T -> boolean": ("", "_e -> _e > 'a'"),
}  # fmt: skip
BY_NAME = {
    "regexp_replace": r"regexp_replace(s, '([a-z])', '<$1>')", "sha2": "sha2(s, 256)", "slice": "slice(ss, 2, 1)",
    "repeat": "repeat(s, 2)", "regexp_extract": r"regexp_extract(s, '([a-z])([0-9])?', 2)",
}  # fmt: skip


def of_table():
    """A call for every entry in the table of functions."""
    for name, signatures in functions().items():
        for signature in signatures:
            if name in BY_NAME and len(signature.kinds) == max(len(other.kinds) for other in signatures):
                yield BY_NAME[name]
                continue
            columns = [OF_KIND[kind.removesuffix("...")] for kind in signature.kinds]
            parts = [each[n if len(each) > n else 0] for n, each in enumerate(columns)]
            yield f"{name}({', '.join(parts)})"


OF_TYPE = {"string": "s", "int": "i", "bigint": "n", "decimal": "u", "double": "x", "boolean": "f", "date": "a",
           "timestamp": "p"}  # fmt: skip


def of_casts():
    """An expression for every pair in the table of casts."""
    for source, target in PAIRS:
        yield f"cast({OF_TYPE[source]} as {'decimal(18,2)' if target == 'decimal' else target})"


OPERATORS = (Path(__file__).parent / "expressions.txt").read_text(encoding="utf-8")


def cases():
    """Every expression, each once."""
    written = [line for line in OPERATORS.splitlines() if line and not line.startswith("#")]
    return list(dict.fromkeys([*of_table(), *of_casts(), *written]))

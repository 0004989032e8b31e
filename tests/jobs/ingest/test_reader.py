"""Every row of a file is read or named as broken; a file that cannot be read is refused with a reason."""

from __future__ import annotations

import codecs
import csv
import io
import pickle
import subprocess
import sys
import sysconfig
from pathlib import Path

import pyarrow as pa
import pytest
from hostile import CASES, CSV, HEAD, Case
from hypothesis import example, given
from hypothesis import strategies as st
from pyspark import cloudpickle

import jobs.ingest.reader as reader
from examples import examples
from jobs.ingest.landing.bronze import file_reader
from jobs.ingest.reader import ReadSpec, csv_rows, output_schema, read_file
from jobs.ingest.reader.pages import extras_of
from jobs.ingest.reader.spec import InexactError


def rows_of(path: Path, spec: ReadSpec) -> list[dict]:
    batches = list(read_file(str(path), "landed", spec))
    assert all(batch.schema == output_schema(spec) and batch.num_rows <= spec.batch_rows for batch in batches)
    assert all(batch.validate(full=True) is None for batch in batches)
    return [row for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_file_gives_what_the_table_says(case: Case, tmp_path):
    rows = rows_of(case.write(tmp_path), case.spec)
    assert {row["_file"] for row in rows} <= {"landed"}
    if case.refused:
        assert [row["_row"] for row in rows] == [0]
        assert case.refused in rows[0]["_refused"]
        assert "\n" not in rows[0]["_refused"]
        return
    assert [row["_row"] for row in rows] == list(range(1, case.rows + len(case.broken) + 1))
    broken = {row["_row"]: row for row in rows if row["_broken"]}
    assert sorted(broken) == sorted(case.broken)
    assert all(words in broken[number]["_broken"] and broken[number]["_raw"] for number, words in case.broken.items())
    good = next((row for row in rows if not row["_broken"]), {})
    assert {key: good[key] for key in case.row} == case.row


def test_broken_rows_keep_their_number_and_their_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(HEAD + b'1,a,1\n2,"b\nc,2\n3,x\n4,"d\ne",4\n')
    rows = [(row["_row"], row["id"], row["_raw"]) for row in rows_of(path, CSV)]
    assert rows == [(1, "1", None), (2, None, '2,"b'), (3, None, "c,2"), (4, None, "3,x"), (5, "4", None)]


def test_a_missing_file_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(read_file(str(tmp_path / "no.csv"), "no", CSV))


def test_a_uri_reads_like_a_path(tmp_path):
    path = tmp_path / "门店 1.csv"
    path.write_bytes(HEAD + b"1,a,1\n")
    assert [row["id"] for batch in read_file(path.as_uri(), "x", CSV) for row in batch.to_pylist()] == ["1"]


def test_a_file_too_large_for_the_buffer_reads_the_same(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(HEAD + b"1,a,1\n2,b\n" * 3)
    rows = rows_of(path, CSV)
    monkeypatch.setattr("jobs.ingest.reader.read.HELD_BYTES", 0)
    assert rows_of(path, CSV) == rows


def test_small_batches_keep_the_numbers(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(HEAD + b"".join(b"%d,a,1\n" % n for n in range(1, 101)) + b"x\n")
    spec = ReadSpec("csv", CSV.columns, batch_rows=7)
    assert [row["_row"] for row in rows_of(path, spec)] == list(range(1, 102))


TEXT = st.text(st.sampled_from('ab ,;"\n\r名é\\{}\t'), max_size=6)
ODD_LINES = ["1,a,1", '1,"a",1', '1,"a,1', "1,a", '1,a"b,1', '1,a,"1', "1,a,1,1"]
ROW = st.lists(TEXT, min_size=1, max_size=5)


@examples(150)
@given(rows=st.lists(ROW, max_size=30))
@example(rows=[["a", "b\n", '"']] * 3)
def test_each_row_of_a_file_is_good_or_broken(rows, tmp_path):
    rows = [row for row in rows if row != [""]]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([CSV.columns, *rows])
    path = tmp_path / "a.csv"
    path.write_bytes(out.getvalue().encode())
    actual = rows_of(path, ReadSpec("csv", CSV.columns, max_broken_share=1, broken_allowed=1000))
    # Delimiters after the last field contain no value and do not break the row.
    full = [row[:3] if not "".join(row[3:]).strip() else row for row in rows]
    expected = [tuple(value or None for value in row) if len(row) == 3 else None for row in full]
    assert [None if row["_broken"] else (row["id"], row["name"], row["amount"]) for row in actual] == expected


@examples(150)
@given(body=st.binary(max_size=200) | st.text('1,"\n\r名 x').map(str.encode))
def test_nothing_in_a_file_raises(body, tmp_path):
    for format_ in ("csv", "jsonl", "json", "parquet"):
        for content in (body, HEAD + body):
            path = tmp_path / "a"
            path.write_bytes(content)
            rows = rows_of(path, ReadSpec(format_, CSV.columns, records="rows"))
            assert [row["_row"] for row in rows] in ([0], list(range(1, len(rows) + 1)))


@examples(100)
@given(lines=st.lists(st.sampled_from(ODD_LINES), max_size=40))
def test_stray_quotes_break_only_their_own_lines(lines, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(HEAD + "".join(f"{line}\n" for line in lines).encode())
    rows = rows_of(path, ReadSpec("csv", CSV.columns, max_broken_share=1, broken_allowed=1000))
    texts = [line for row in rows for line in (row["_raw"] or "good").split("\n")]
    assert len(texts) == len(lines)


@examples(300)
@given(body=st.text('1,,"\n\n\r名 x\t', max_size=60), encoding=st.sampled_from(["utf-8", "gb18030"]))
@example(body='1,"2\n3,4', encoding="utf-8")
@example(body=',""1', encoding="utf-8")
@example(body='1","', encoding="utf-8")
def test_the_fast_way_reads_the_same_as_the_exact_one(body, encoding, tmp_path):
    path, spec = tmp_path / "a.csv", ReadSpec("csv", ("id",), encoding=encoding)
    path.write_bytes(codecs.BOM_UTF8 * (encoding == "utf-8") + b"id,x\n" + body.encode(encoding))
    *fast, exact = csv_rows.read_strategies(path, "landed", spec)
    try:
        rows = [row for way in fast for batch in way() for row in batch.to_pylist()]
    except InexactError:
        return
    assert not fast or rows == [row for batch in exact() for row in batch.to_pylist()]


ALONE = """
import importlib.util, pickle, sys
sys.path.append(sys.argv[1])
assert importlib.util.find_spec("jobs") is None
read, spec = pickle.load(open(sys.argv[2], "rb"))
print(sum(batch.num_rows for path in sys.argv[3:] for batch in read(path, "x", spec)))
assert not any(name.startswith("jobs") for name in sys.modules)
"""


def test_it_runs_where_our_packages_cannot_be_imported(tmp_path):
    good, odd = tmp_path / "good.csv", tmp_path / "odd.csv"
    good.write_bytes(HEAD + b"1,a,1\n")
    odd.write_bytes(HEAD + b'1,a\n2,"b\n')
    cloudpickle.register_pickle_by_value(reader)
    try:
        (tmp_path / "read.pickle").write_bytes(cloudpickle.dumps((read_file, CSV)))
    finally:
        cloudpickle.unregister_pickle_by_value(reader)
    packages = sysconfig.get_paths()["purelib"]
    paths = [str(path) for path in (tmp_path / "read.pickle", good, odd)]
    command = [sys.executable, "-I", "-S", "-c", ALONE, packages, *paths]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("3", "")


def test_the_schema_is_the_same_for_every_format():
    assert output_schema(CSV).names == [*CSV.columns, "_rest", "_file", "_row", "_raw", "_broken", "_refused"]
    assert output_schema(CSV).field("_row").type == pa.int64()
    assert pickle.loads(pickle.dumps(CSV)) == CSV


@pytest.mark.parametrize("notes", [["", "", "x"], ["x", "", ""], ["x", "y", "x"]])
def test_the_rest_of_a_row_stays_with_its_row(notes, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,name,amount,note\n" + "".join(f"{n},a,1,{text}\n" for n, text in enumerate(notes)))
    rests = [row["_rest"] for row in rows_of(path, ReadSpec("csv", ("id", "name", "amount")))]
    assert rests == [f'{{"note":"{text}"}}' if text else None for text in notes]


def test_a_row_without_any_other_value_stays_a_row():
    others = [("x", pa.array(["a", None, None])), ("y", pa.array(["", None, "b,"]))]
    for count, rests in ((1, ['{"x":"a"}', None, None]), (2, ['{"x":"a","y":""}', None, '{"y":"b,"}'])):
        assert extras_of(others[:count], pa.nulls(3, pa.string())).to_pylist() == rests


def test_half_a_character_in_a_document_breaks_only_its_row(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(
        '{"rows": [{"id": "1", "name": "\\ud800", "amount": "1"}, {"id": "2", "name": "名", "amount": "2"}]}'
    )
    rows = rows_of(path, ReadSpec("json", CSV.columns, records="rows"))
    assert [(row["id"], row["_broken"]) for row in rows] == [
        (None, "holds half of a surrogate pair, which is no character"),
        ("2", None),
    ]


def test_two_aliases_of_one_column_in_a_row_break_it(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "nom": "a", "titel": "b", "amount": "1"}\n')
    spec = ReadSpec("jsonl", CSV.columns, aliases=(("nom", "name"), ("titel", "name")))
    [row] = rows_of(path, spec)
    assert "two names of one column" in row["_broken"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (("ID",), "and 'id': names are read as they are written"),
        (("user",), "begins with 'user.': a name with a dot in it stands in backticks"),
    ],
)
def test_a_header_that_is_almost_the_name_is_reported_with_a_hint(columns, words, tmp_path):
    (tmp_path / "a.csv").write_text("id,user.id\n1,2\n")
    [row] = rows_of(tmp_path / "a.csv", ReadSpec("csv", columns))
    assert words in row["_refused"]


def test_headers_that_differ_only_in_blanks_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text('"a\nb",a  b\n1,2\n')
    [row] = rows_of(tmp_path / "a.csv", ReadSpec("csv", ("a b",)))
    assert "missing" in row["_refused"]


def test_a_large_file_that_changes_between_two_reads_ends_without_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.ingest.reader.read.HELD_BYTES", 0)
    monkeypatch.setattr(csv_rows, "BLOCK", 1 << 14)
    path = tmp_path / "a.csv"
    path.write_text("id,name,amount\n" + "1,x,1.00\n" * 300_000)
    look = {"size": path.stat().st_size, "mtime_ns": path.stat().st_mtime_ns}
    row = {"path": str(path), "name": "a.csv", "day": "", "after": "", "through": "", **look}
    batches = file_reader(CSV)(iter([pa.RecordBatch.from_pylist([row])]))
    rows = len(next(batches))
    path.write_text("id,name,amount\n" + "1\n" * 2_000_000)
    assert rows + sum(map(len, batches)) < 300_000

import csv
import gzip
import hashlib
import io
import json
from datetime import date

import pyarrow as pa
import pytest

from jobs.exports.platform import Platform
from jobs.exports.platforms.drop import Drop
from quanyu.errors import ConfigError, RejectedError
from quanyu.files import folder

DAY = date(2011, 9, 10)
AT = "quanyu/drop/winback/dt=2011-09-10/"
KINDS = ("phone_sha256", "email_sha256")
FACTS = {
    "counts": {"members": 9, "without_consent": 2, "without_identifier": 1},
    "definition": "abc",
    "purpose": "ads",
    "tables": {"gold/memberships_customer": 3},
    "name": "quanyu",
    "home": "one",
}


def rows(count, salt=""):
    hashed = [hashlib.sha256(f"{salt}{n}".encode()).hexdigest() for n in range(count)]
    return [(text if n % 3 else None, text[::-1] if n % 2 else None) for n, text in enumerate(hashed, 1)]


def deliver(bucket, customers, facts=FACTS, per_part=4, per_batch=3):
    return Drop(rows_per_part=per_part).deliver(bucket, "winback", DAY, batches(customers, per_batch), KINDS, facts)


def batches(customers, per_batch=3, names=KINDS):
    """The rows as the engine hands them over: each once, those of a file ascending, in batches."""
    rows = sorted({row for row in customers if any(row)}, key=lambda row: [value or "" for value in row])
    for first in range(0, len(rows), per_batch):
        columns = zip(*rows[first : first + per_batch], strict=True)
        yield pa.record_batch([pa.array(column, pa.string()) for column in columns], names=list(names))


def state(bucket):
    return {key: bucket.get(key) for key in bucket.list("")}


def read(bucket, at=AT):
    """Read the set as its receiver would, and assert that it fits the manifest."""
    [mark] = [key for key in bucket.list(at) if key.endswith("/_SUCCESS")]
    prefix = mark.removesuffix("_SUCCESS")
    manifest = json.loads(bucket.get(prefix + "_MANIFEST.json"))
    names = {part["name"] for part in manifest["parts"]} | {"_SUCCESS", "_MANIFEST.json"}
    assert set(bucket.list(at)) == {prefix + name for name in names}
    records = []
    for part in manifest["parts"]:
        data = bucket.get(prefix + part["name"])
        assert (len(data), hashlib.sha256(data).hexdigest()) == (part["bytes"], part["sha256"])
        header, *lines = csv.reader(io.StringIO(gzip.decompress(data).decode()))
        assert tuple(header) == tuple(manifest["identifiers"]) == KINDS
        assert len(lines) == part["rows"]
        records += [tuple(value or None for value in line) for line in lines]
    return manifest, records


def test_a_set_is_read_back_by_its_manifest(tmp_path):
    bucket = folder(tmp_path)
    customers = rows(10)
    delivered = deliver(bucket, customers)
    manifest, records = read(bucket)
    assert set(records) == {row for row in customers if any(row)}
    assert records == sorted(records, key=lambda row: [value or "" for value in row])
    assert (delivered.parts, delivered.rows, delivered.written) == (3, len(records), True)
    [mark] = [key for key in bucket.list("") if key.endswith("_SUCCESS")]
    assert delivered.location == f"{tmp_path}/{mark.removesuffix('_SUCCESS')}"
    assert [part["name"] for part in manifest["parts"]] == [f"full-0000{n}.csv.gz" for n in range(3)]
    assert [part["rows"] for part in manifest["parts"]] == [4, 4, len(records) - 8]
    assert manifest["counts"] == {"members": 9, "without_consent": 2, "without_identifier": 1, "rows": len(records)}
    assert (manifest["definition"], manifest["tables"]) == ("abc", {"gold/memberships_customer": 3})
    assert (manifest["consent"]["purpose"], manifest["operation"], manifest["version"]) == ("ads", "full", 2)
    assert manifest["forms"]["phone_sha256"] == {"identifier": "phone", "shape": "e164_digits", "hash": "sha256"}


def test_batches_of_any_size_are_the_same_bytes_and_nothing_is_written_again(tmp_path):
    bucket = folder(tmp_path)
    deliver(bucket, rows(10))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    again = deliver(bucket, rows(10), per_batch=7)
    assert not again.written
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
    other = folder(tmp_path / "elsewhere")
    deliver(other, rows(10))
    assert state(other) == {key: data for key, data in state(bucket).items() if not key.startswith("elsewhere")}


def test_other_facts_of_the_same_rows_are_told_in_the_same_run(tmp_path):
    bucket = folder(tmp_path)
    first = deliver(bucket, rows(10))
    second = deliver(bucket, rows(10), {**FACTS, "tables": {"gold/memberships_customer": 4}})
    assert second.written and second.location == first.location
    assert read(bucket)[0]["tables"] == {"gold/memberships_customer": 4}
    assert deliver(bucket, rows(9)).location != first.location
    assert len({key.split("/")[-2] for key in bucket.list(AT)}) == 1


def test_an_empty_audience_is_a_complete_set_without_parts(tmp_path):
    bucket = folder(tmp_path)
    delivered = deliver(bucket, [(None, None)])
    assert (delivered.parts, delivered.rows) == (0, 0)
    assert read(bucket)[1] == []


@pytest.mark.parametrize("values", [["b", "a"], ["a", "a"], ["a", None, "b", "b"]])
def test_rows_out_of_order_or_twice_are_refused(tmp_path, values):
    wrong = [pa.record_batch([pa.array([value]), pa.array([None], pa.string())], names=KINDS) for value in values]
    with pytest.raises(ValueError, match="not sorted"):
        Drop().deliver(folder(tmp_path), "winback", DAY, iter(wrong), KINDS, FACTS)
    assert folder(tmp_path).list("") == []


def test_a_smaller_set_removes_stale_parts_and_no_other_files(tmp_path):
    bucket = folder(tmp_path)
    deliver(bucket, rows(20))
    bucket.put(AT + "note.txt", b"mine")
    deliver(bucket, rows(3))
    assert bucket.get(AT + "note.txt") == b"mine"
    bucket.delete(AT + "note.txt")
    assert len({key.split("/")[-2] for key in bucket.list(AT)}) == 1
    assert len(read(bucket)[0]["parts"]) == 1


def test_a_lost_part_is_written_again(tmp_path):
    bucket = folder(tmp_path)
    deliver(bucket, rows(10))
    [part] = [key for key in bucket.list(AT) if key.endswith("full-00001.csv.gz")]
    bucket.delete(part)
    assert deliver(bucket, rows(10)).written
    read(bucket)


class Killed(BaseException):
    pass


class Dying:
    """A bucket whose process dies at its nth call, before or after the call took effect."""

    def __init__(self, bucket, at, after):
        self.bucket, self.at, self.after, self.calls = bucket, at, after, 0
        self.location = bucket.location

    def __getattr__(self, verb):
        def call(*args):
            self.calls += 1
            if self.calls == self.at and not self.after:
                raise Killed
            result = getattr(self.bucket, verb)(*args)
            if self.calls == self.at:
                raise Killed
            return result

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("earlier", [0, 3, 20], ids=["nothing", "smaller", "larger"])
def test_a_kill_at_any_call_then_a_rerun_gives_the_same_set(tmp_path, earlier, after):
    expected = folder(tmp_path / "expected")
    deliver(expected, rows(10))
    for at in range(1, 100):
        bucket = folder(tmp_path / str(at))
        if earlier:
            deliver(bucket, rows(earlier, salt="old"))
        dying = Dying(bucket, at, after)
        try:
            deliver(dying, rows(10))
        except Killed:
            if any(key.endswith("_SUCCESS") for key in bucket.list(AT)):
                read(bucket)
        deliver(bucket, rows(10))
        assert state(bucket) == state(expected)
        if dying.calls < at:
            break
    assert 7 <= at < 99


def test_a_set_is_delivered_to_s3(tmp_path):
    from moto.server import ThreadedMotoServer

    from quanyu.files import s3

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        bucket = s3("s3://seeds/out", f"http://{host}:{port}", "us-east-1", "key", "secret")
        bucket._client.create_bucket(Bucket="seeds")
        delivered = deliver(bucket, rows(10))
        assert delivered.location.startswith("s3://seeds/out/quanyu/drop/winback/dt=2011-09-10/run=")
        on_disk = folder(tmp_path)
        deliver(on_disk, rows(10))
        assert state(bucket) == state(on_disk)
        assert read(bucket)[1] == read(on_disk)[1]
        assert not deliver(bucket, rows(10)).written
    finally:
        server.stop()


def test_a_platform_declares_itself():
    assert Drop.problems() == []
    assert Drop.columns() == KINDS
    assert Drop.identifiers() == ("phone", "email")
    assert len(Platform.problems()) == 3


def test_parts_hold_at_least_one_row():
    with pytest.raises(ConfigError):
        Drop(rows_per_part=0)


def test_files_of_another_home_are_not_touched(tmp_path):
    bucket = folder(tmp_path)
    deliver(bucket, rows(3))
    before = state(bucket)
    with pytest.raises(RejectedError, match="another `name`"):
        deliver(bucket, rows(2), {**FACTS, "home": "two"})
    assert state(bucket) == before
    deliver(bucket, rows(2), {**FACTS, "home": "two", "name": "other"})
    assert {key: content for key, content in state(bucket).items() if key in before} == before

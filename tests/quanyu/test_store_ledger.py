from dataclasses import replace
from datetime import date

import pytest

from quanyu.errors import ConfigError
from quanyu.store import LandedFile, Store

DAY = date(2011, 9, 10)
FILE = LandedFile(
    feed="pos",
    path="pos/2011-09-10/a.csv",
    sha256="0" * 64,
    size=6_000_000_000,
    mtime_ns=1_700_000_000_123_456_789,
    feed_day=DAY,
    first_seen_on=DAY,
    recorded_on=DAY,
    taken_through=None,
    status="taken",
    reason=None,
    rows=12,
)


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/state/store.db") as opened:
        yield opened


def test_a_recorded_file_is_read_back(store):
    other = replace(FILE, feed="web", path="x", feed_day=None, status="refused", reason="not a gzip file: 坏")
    store.ledger.record([FILE, other])
    assert store.ledger.files("pos") == {FILE.path: FILE}
    assert store.ledger.files("web") == {"x": other}


def test_a_path_recorded_again_is_replaced(store):
    store.ledger.record([FILE])
    changed = replace(FILE, sha256="1" * 64, rows=13, taken_through=DAY)
    store.ledger.record([changed])
    assert store.ledger.files("pos") == {FILE.path: changed}


def test_recording_is_all_or_nothing(store):
    with pytest.raises(Exception, match="CHECK"):
        store.ledger.record([FILE, replace(FILE, path="b", status="perhaps")])
    assert store.ledger.files("pos") == {}


def test_days_are_those_of_taken_files(store):
    earlier, later = date(2011, 9, 1), date(2011, 9, 12)
    files = [
        FILE,
        replace(FILE, path="b", feed_day=earlier),
        replace(FILE, path="c", feed_day=earlier),
        replace(FILE, path="d", feed_day=later, status="refused"),
        replace(FILE, path="e", feed_day=None),
    ]
    store.ledger.record(files)
    assert store.ledger.days("pos") == [earlier, DAY]


def test_the_volume_of_a_day_is_the_last_one_seen(store):
    store.ledger.record_volumes("pos", {DAY: 10, date(2011, 9, 9): 7}, run_day=DAY)
    store.ledger.record_volumes("pos", {DAY: 11}, run_day=DAY)
    assert list(store.ledger.volumes("pos").items()) == [(date(2011, 9, 9), 7), (DAY, 11)]
    assert store.ledger.volumes("web") == {}


def test_nothing_to_record_is_no_error(store):
    store.ledger.record([])
    assert store.ledger.files("pos") == {}


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:secret@h/db", "sqlite://", "sqlite:///:memory:"])
def test_a_wrong_url_is_reported_in_words_without_its_password(url):
    with pytest.raises(ConfigError) as error:
        Store(url)
    assert "secret" not in str(error.value)

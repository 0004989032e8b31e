import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal

import pytest

from quanyu.errors import ConfigError, RetryableError
from quanyu.store import Store
from quanyu.store import base as store_base

DAY = date(2011, 9, 10)


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/store.db") as opened:
        yield opened


def test_a_receipt_is_recalled_until_it_is_forgotten(store):
    store.unchanged_runs.save("activity", "", {"inputs": {"orders": 3}})
    store.unchanged_runs.save("activity", "2011-09-10", {"day": DAY, "sum": Decimal("1.50")})
    store.unchanged_runs.save("customers", "", {"a": 1})
    assert store.unchanged_runs.load("activity", "") == {"inputs": {"orders": 3}}
    assert store.unchanged_runs.load("activity", "2011-09-10") == {"day": "2011-09-10", "sum": "1.50"}
    store.unchanged_runs.delete("activity")
    assert store.unchanged_runs.load("activity", "") is None
    assert store.unchanged_runs.load("activity", "2011-09-10") is None
    assert store.unchanged_runs.load("customers") == {"a": 1}


def test_the_later_receipt_is_the_one_kept(store):
    store.unchanged_runs.save("activity", "", {"run": 1})
    store.unchanged_runs.save("activity", "", {"run": 2})
    assert store.unchanged_runs.load("activity") == {"run": 2}


def test_memory_outlives_the_process_that_wrote_it(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    with Store(url) as store:
        store.unchanged_runs.save("job", "", {"x": "值"})
    with Store(url) as store:
        assert store.unchanged_runs.load("job") == {"x": "值"}


def test_many_processes_open_a_new_store_at_once(tmp_path):
    code = (
        "import sys; from quanyu.store import Store\n"
        "s = Store(sys.argv[1])\n"
        "[s.unchanged_runs.save('job', f'{sys.argv[2]}-{i}', {'i': i}) for i in range(20)]"
    )
    url = f"sqlite:///{tmp_path}/store.db"
    started = [subprocess.Popen([sys.executable, "-c", code, url, str(n)]) for n in range(6)]
    assert [process.wait(timeout=60) for process in started] == [0] * 6
    with Store(url) as store:
        assert all(store.unchanged_runs.load("job", f"{n}-{i}") == {"i": i} for n in range(6) for i in range(20))


def test_sqlite_is_kept_in_wal_mode_with_foreign_keys_and_patience(store):
    with store._database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "busy_timeout", "foreign_keys", "synchronous")
        }
    assert pragmas == {"journal_mode": "wal", "busy_timeout": 30000, "foreign_keys": 1, "synchronous": 2}


def test_a_locked_store_is_retryable_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(store_base, "BUSY_SECONDS", 0.1)
    url = f"sqlite:///{tmp_path}/store.db"
    refused = pytest.raises(RetryableError, match=r"store\.db did not answer")
    with Store(url) as one, Store(url) as two, one._database.write(), refused:
        two.unchanged_runs.save("job", "", {})


def test_a_time_without_an_offset_is_refused():
    with pytest.raises(ValueError, match="offset"):
        store_base.UtcDateTime().process_bind_param(datetime(2011, 9, 10), None)


def test_a_missing_driver_is_reported_in_words():
    with pytest.raises((ConfigError, RetryableError)) as error:
        Store("postgresql+psycopg://user:secret@127.0.0.1:9/db")
    assert "secret" not in str(error.value)

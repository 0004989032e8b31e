"""The embedded engine as a process: start, end, environment, memory limits and error messages."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from quanyu.config.sections import Sail, Spark
from quanyu.config.settings import Settings
from quanyu.engine import sail
from quanyu.engine.guard import guard
from quanyu.engine.session import Engine, engine_name
from quanyu.errors import ConfigError, QuanyuError, RetryableError

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def own_process(monkeypatch):
    """A separate engine for these tests, since they end it while other tests have sessions on the shared one."""
    monkeypatch.setattr(sail, "_running", [])
    yield
    sail.stop_sail()


@pytest.fixture
def settings(tmp_path):
    settings = Settings(home=tmp_path, conf=tmp_path, data=tmp_path, landing=tmp_path, engine="sail")
    yield settings
    sail.release(settings.home)


@pytest.fixture
def engine(settings):
    return Engine(settings)


@pytest.fixture
def small(settings):
    """An engine with little memory, replacing the one of this process."""
    sail.stop_sail()
    yield Engine(settings.model_copy(update={"sail": Sail(memory="512m")}))
    sail.stop_sail()


def child():
    return sail._running[0]._child


def gone(pid, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_its_death_is_reported_and_the_next_call_starts_another(engine):
    frame = engine.session().sql("select 1 as a")
    pid = child().pid
    os.kill(pid, signal.SIGKILL)
    child().wait()
    with pytest.raises(RetryableError, match=r"test: the engine went away; run it again"), guard("test"):
        frame.collect()
    began = time.monotonic()
    assert engine.session().sql("select 1 as a").collect()[0]["a"] == 1
    assert child().pid != pid
    assert time.monotonic() - began < 10


def test_it_dies_in_the_middle_of_a_query(engine):
    import threading

    session = engine.session()
    threading.Timer(0.7, child().kill).start()
    with pytest.raises(RetryableError), guard("test"):
        session.sql("select sum(a.id * b.id % 7) from range(3000000) a cross join range(3000000) b").collect()


def process(code, tmp_path, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
    )  # fmt: skip


OPEN = """
import os, sys, time
from pathlib import Path
from quanyu.engine import sail
from quanyu.engine.session import Engine
from quanyu.config.settings import Settings
home = Path(sys.argv[1])
engine = Engine(Settings(home=home, conf=home, data=home, landing=home, engine="sail"))
session = engine.session()
print(sail._running[0]._child.pid, flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_parent_however_that_ends(tmp_path, how):
    parent = process(f"{OPEN}\ntime.sleep(60)", tmp_path)
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.send_signal(how)
    parent.wait(timeout=20)
    assert gone(pid)


def test_it_ends_with_a_parent_that_comes_to_its_end(tmp_path):
    parent = process(f"{OPEN}\nsession.sql('select 1').collect()", tmp_path)
    pid = int(parent.stdout.readline())
    assert parent.wait(timeout=30) == 0
    assert gone(pid)


FORKED = """
session.sql("select 1").collect()
pid = os.fork()
if not pid:
    ours = engine.session()
    print(sail._running[0]._child.pid, ours.sql("select 7 as a").collect()[0]["a"], flush=True)
    sail.stop_sail()
    os._exit(0)
_, status = os.waitpid(pid, 0)
print(status, session.sql("select 8 as a").collect()[0]["a"], flush=True)
"""


def test_a_forked_process_starts_its_own(tmp_path):
    parent = process(f"{OPEN}{FORKED}", tmp_path)
    first, forked, status = parent.communicate(timeout=60)[0].strip().split("\n")
    assert (forked.split()[1:], status) == (["7"], "0 8")
    assert forked.split()[0] != first
    assert gone(int(forked.split()[0])) and gone(int(first))


def test_its_environment_has_none_of_our_variables(tmp_path):
    code = f"{OPEN}\nprint(open(f'/proc/{{sail._running[0]._child.pid}}/environ').read().replace(chr(0), ' '))"
    parent = process(code, tmp_path, QUANYU_TEST_SECRET="hunter2", AWS_SECRET_ACCESS_KEY="hunter2")
    shown = parent.communicate(timeout=60)[0]
    assert "SAIL_MODE=local" in shown
    assert "hunter2" not in shown and "SECRET" not in shown and "HOME=" not in shown


@pytest.mark.parametrize("name", ["reflect", "java_method"])
def test_functions_that_run_code_are_not_there(engine, name):
    with pytest.raises(QuanyuError), guard("test"):
        engine.session().sql(f"select {name}('java.lang.System', 'getenv', 'PATH')").collect()


def test_a_worker_sees_no_variable_of_ours(engine, monkeypatch):
    from pyspark.sql.functions import udf

    monkeypatch.setenv("QUANYU_TEST_SECRET", "hunter2")
    session = engine.session()
    names = udf(lambda _: ",".join(sorted(os.environ)), "string")
    shown = session.range(1).select(names("id").alias("names")).collect()[0]["names"]
    assert "QUANYU_TEST_SECRET" not in shown


def test_a_query_beyond_the_pool_is_reported_as_too_large(small):
    query = "select size(collect_list(repeat(cast(id as string), 2000))) from range(1000000)"
    with pytest.raises(QuanyuError, match=r"needs more memory.*sail.memory") as error, guard("test"):
        small.session().sql(query).collect()
    assert not isinstance(error.value, RetryableError)
    assert small.session().sql("select 1 as a").collect()[0]["a"] == 1


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("select size(sequence(1L, id + 900000000)) from range(1)", QuanyuError),
        ("select size(array_repeat(id, 900000000)) from range(1)", RetryableError),
    ],
    ids=["refused", "ended"],
)
def test_a_query_beyond_its_memory_ends_the_engine_at_most_and_not_the_machine(small, query, kind):
    session = small.session()
    process = psutil.Process(child().pid)
    assert process.rlimit(psutil.RLIMIT_AS)[0] == (4 << 30) + 4 * (512 << 20)
    with pytest.raises(QuanyuError, match="memory") as error, guard("test"):
        session.sql(query).collect()
    assert type(error.value) is kind
    assert small.session().sql("select 1 as a").collect()[0]["a"] == 1


VALUE = "13912345678x"


@pytest.mark.parametrize(
    "query",
    [
        "select cast(v as int) from t", "select cast(v as date) from t", "select cast(v as decimal(18, 2)) from t",
        "select 1 / (length(v) - 12) from t", "select assert_true(v = 'a') from t", "select raise_error(v) from t",
        "select from_json(v, 'no type') from t", "select nowhere from t", "select v from t where",
        "select to_date(v) from t",
    ],
)  # fmt: skip
def test_no_message_shows_a_value(engine, query):
    session = engine.session()
    session.createDataFrame([(VALUE,)], "v string").createOrReplaceTempView("t")
    with pytest.raises(QuanyuError, match="test: the engine refused the query") as error, guard("test"):
        session.sql(query).collect()
    assert "139" not in str(error.value)
    assert not isinstance(error.value, RetryableError)
    assert error.value.__cause__ is None and error.value.__suppress_context__


def test_a_value_with_the_text_of_a_lost_server_is_no_lost_server(engine):
    session = engine.session()
    session.createDataFrame([("UNAVAILABLE",)], "v string").createOrReplaceTempView("t")
    with pytest.raises(QuanyuError, match="test: the engine refused the query") as error, guard("test"):
        session.sql("select cast(v as date) from t").collect()
    assert not isinstance(error.value, RetryableError)


def test_no_message_of_a_worker_shows_a_value(engine):
    from pyspark.sql.functions import udf

    def bad(value):
        raise ValueError(f"no number: {value}")

    session = engine.session()
    frame = session.createDataFrame([(VALUE,)], "v string").select(udf(bad, "int")("v"))
    with pytest.raises(QuanyuError, match="a function on a worker failed") as error, guard("test"):
        frame.collect()
    assert "139" not in str(error.value)
    assert "test_sail.py" in str(error.value)


def test_800_terms_are_allowed(engine):
    session = engine.session()
    session.range(1000).createOrReplaceTempView("numbers")
    terms = " or ".join(f"id = {n}" for n in range(800))
    assert session.sql(f"select count(*) as n from numbers where {terms}").collect()[0]["n"] == 800
    assert session.table("numbers").where(terms).count() == 800
    assert session.sql("select " + " + ".join(["1"] * 800) + " as n").collect()[0]["n"] == 800


def test_an_address_means_spark_and_a_missing_wheel_is_reported(settings, monkeypatch):
    remote = Spark(remote="sc://cluster:15002")
    auto = settings.model_copy(update={"engine": "auto"})
    assert engine_name(auto) == "sail"
    assert engine_name(auto.model_copy(update={"spark": remote})) == "spark"
    assert engine_name(settings.model_copy(update={"engine": "spark"})) == "spark"
    with pytest.raises(ConfigError, match=r"engine: sail.*spark\.remote.*leave one out"):
        engine_name(settings.model_copy(update={"spark": remote}))
    monkeypatch.setattr("quanyu.engine.session.sail_version", lambda: None)
    assert engine_name(auto) == "spark"
    with pytest.raises(ConfigError, match=r"base.yml: engine: sail: .*no wheel.*engine: spark"):
        engine_name(settings)


def test_unpacked_and_spilled_files_are_in_staging_and_deleted_with_it(settings, engine):
    engine.session()
    folder = Path(psutil.Process(child().pid).environ()["TMPDIR"])
    assert folder.parent == settings.lake / "_staging" and folder.stat().st_mode & 0o777 == 0o700
    sail.stop_sail()
    assert not folder.exists()

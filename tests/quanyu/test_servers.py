import http.client
import importlib.util
import json
import socket
import stat
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import yaml

from quanyu.config.settings import Settings, child_environment
from quanyu.engine.server import Server
from quanyu.engine.spark import SparkEngine
from quanyu.errors import ConfigError, RetryableError
from quanyu.private_files import replace_file
from quanyu.servers import airflow, background, processes

# A server with a child in its own session and one in another. It overwrites its environment with a title.
FAKE = """
import http.server, os, subprocess, sys
sleeper = [sys.executable, "-c", "import time; time.sleep(300)"]
subprocess.Popen(sleeper)
subprocess.Popen(sleeper, start_new_session=True)
subprocess.Popen(sleeper, env={})
if sys.argv[1] == "0":
    import time
    time.sleep(300)
if sys.argv[2] == "deaf":
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"scheduler": {"status": "healthy"}, "dag_processor": {"status": "healthy"}}')
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""


@pytest.fixture
def settings(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    settings = Settings(home=home, conf=tmp_path, data=tmp_path, landing=tmp_path)
    yield settings
    background.down(settings)


@pytest.fixture
def ports():
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def fakes(monkeypatch, page=FAKE, how="kind"):
    def command(settings, name, port):
        code = page if name == "airflow" else FAKE
        return [sys.executable, "-c", code, str(port if name in background.PORTS else 0), how], {}

    monkeypatch.setattr(background, "_command", command)


PARTS = ["airflow", "mlflow", "dag-processor"]
SUITE: set[int] = set()


@pytest.fixture(autouse=True)
def of_the_suite():
    """Record the children that this process had before, such as the suite's Spark server."""
    SUITE.clear()
    SUITE.update(child.pid for child in psutil.Process().children())


def children():
    """Processes that the test left running, with their children."""
    own = [child for child in psutil.Process().children() if child.pid not in SUITE]
    processes = [*own, *(grand for child in own for grand in child.children(recursive=True))]
    return [p for p in processes if p.status() != psutil.STATUS_ZOMBIE]


def test_both_servers_start_and_stop_with_all_their_processes(settings, ports, monkeypatch):
    fakes(monkeypatch)
    addresses = background.up(settings, *ports)
    assert [a.name for a in addresses] == ["airflow", "mlflow"]
    assert [urlsplit(a.url).netloc for a in addresses] == [f"127.0.0.1:{port}" for port in ports]
    # MLflow opens with the runs of trained models.
    assert "workflowType=machine_learning" in addresses[1].url
    assert str(addresses[0]).endswith(f"(user admin, password {airflow.password(settings)})")
    family = processes.all_processes(background.services(settings))
    assert len(family) == 12
    assert background.up(settings, 1, 2) == addresses
    assert background.down(settings) == PARTS
    assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert background.down(settings) == []


def test_a_process_that_ignores_term_is_killed(settings, ports, monkeypatch):
    fakes(monkeypatch, how="deaf")
    monkeypatch.setattr(processes, "TERM_SECONDS", 0.5)
    background.up(settings, *ports)
    assert background.down(settings) == PARTS
    assert children() == []


def test_children_of_a_server_that_was_killed_are_found(settings, ports, monkeypatch):
    fakes(monkeypatch)
    background.up(settings, *ports)
    family = processes.all_processes(background.services(settings))
    for service in background.services(settings):
        processes.stop([psutil.Process(service.pid)], "kill", 5)
    assert background.services(settings) == []
    assert background.down(settings) == PARTS
    assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


def test_a_missing_server_is_started_next_to_the_running_one(settings, ports, monkeypatch):
    fakes(monkeypatch)
    background.up(settings, *ports)
    page, mlflow, parser = background.services(settings)
    processes.stop(processes.all_processes([mlflow]), "kill", 5)
    background.up(settings, *ports)
    again = {service.name: service for service in background.services(settings)}
    assert (again["airflow"], again["dag-processor"]) == (page, parser) and again["mlflow"].pid != mlflow.pid


def test_nothing_runs_by_the_clock_unless_it_is_asked_for(settings, ports, monkeypatch):
    fakes(monkeypatch)
    background.up(settings, *ports)
    assert "scheduler" not in [service.name for service in background.services(settings)]
    background.up(settings, *ports, schedule=True)
    assert [service.name for service in background.services(settings)] == [*PARTS, "scheduler"]
    # A second `up` leaves a running scheduler as it is.
    background.up(settings, *ports)
    assert background.down(settings) == [*PARTS, "scheduler"]


def test_parts_of_a_dead_page_are_restarted_with_it(settings, ports, monkeypatch):
    fakes(monkeypatch)
    background.up(settings, *ports, schedule=True)
    before = {service.name: service.pid for service in background.services(settings)}
    processes.stop(processes.all_processes([background.services(settings)[0]]), "kill", 5)
    background.up(settings, *ports, schedule=True)
    again = {service.name: service.pid for service in background.services(settings)}
    assert {name for name in again if again[name] == before[name]} == {"mlflow"}


def test_a_port_in_use_is_reported_before_anything_starts(settings, ports, monkeypatch):
    fakes(monkeypatch)
    with socket.socket() as program:
        program.bind(("127.0.0.1", ports[1]))
        program.listen()
        with pytest.raises(ConfigError, match=f"--mlflow-port: {ports[1]}: is in use"):
            background.up(settings, *ports)
    assert background.recorded_servers(settings) == []
    assert background.is_free(ports[1])


@pytest.mark.parametrize(
    ("code", "words"),
    [("raise SystemExit(1)", "ended soon after its start"), ("import time; time.sleep(300)", "not answer after 1")],
)
def test_a_server_that_does_not_answer_is_reported_and_leaves_nothing(settings, ports, monkeypatch, code, words):
    fakes(monkeypatch, page=code)
    monkeypatch.setattr(background, "ANSWER_SECONDS", 1.0)
    with pytest.raises(RetryableError, match=f"airflow .*{words}.*home/logs/airflow.log"):
        background.up(settings, *ports)
    assert background.recorded_servers(settings) == []
    assert children() == []


def test_a_process_that_got_a_number_of_ours_is_left_alone(settings):
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (settings.home / "server").mkdir()
        background._note(settings, [processes.Service("mlflow", other.pid, 1.0, 5000, "0f0f")])
        assert background.down(settings) == []
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_the_spark_server_and_its_watcher_go_too(settings):
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    engine = SparkEngine(settings)
    engine.folder.mkdir()
    (engine.folder / "clients.lock").touch()
    spark = subprocess.Popen(sleeper, start_new_session=True)
    server = Server(spark.pid, psutil.Process(spark.pid).create_time(), 1, "t")
    replace_file(engine.folder / "server.json", json.dumps(asdict(server)))
    watcher = subprocess.Popen([sys.executable, "-m", "quanyu.engine.server", str(engine.folder), "900"])
    deadline = time.monotonic() + 5
    while not processes.watchers(engine.folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert background.down(settings) == ["spark"]
    assert processes.watchers(engine.folder) == []
    assert not any(psutil.pid_exists(process.pid) for process in (spark, watcher))


def test_secrets_of_airflow_are_made_once_and_nobody_else_reads_them(settings):
    first = airflow.airflow_environment(settings, 9000)
    assert airflow.airflow_environment(settings, 9000) == first
    assert first["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:9000/execution/"
    assert first["AIRFLOW_HOME"] == str(settings.home / "airflow")
    assert first["QUANYU_HOME"] == str(settings.home)
    password = airflow.password(settings)
    assert json.loads((settings.home / "airflow" / "passwords.json").read_text()) == {"admin": password}
    files = [p for p in (settings.home / "airflow").iterdir() if p.is_file()]
    assert {p.name for p in files} == {"fernet.key", "api.key", "jwt.key", "passwords.json"}
    assert {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}


def test_airflow_knows_every_option_that_is_set(settings):
    root = Path(importlib.util.find_spec("airflow").origin).parent
    options = yaml.safe_load((root / "config_templates/config.yml").read_text())
    for name in airflow.airflow_environment(settings):
        if name.startswith("AIRFLOW__") and "USAGE_DATA" not in name:
            _, section, option = name.lower().split("__")
            assert option in options[section]["options"], name


@pytest.mark.long
def test_mlflow_answers_on_its_own_database(settings, ports, monkeypatch):
    real = background._command
    fakes(monkeypatch)
    fake = background._command
    monkeypatch.setattr(
        background, "_command", lambda s, name, port: (real if name == "mlflow" else fake)(s, name, port)
    )
    background.up(settings, *ports)
    connection = http.client.HTTPConnection("127.0.0.1", ports[1], timeout=5)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    assert (settings.home / "mlflow.db").exists()
    family = processes.all_processes(background.services(settings))
    assert background.down(settings) == PARTS
    assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


def command(settings, *words):
    """Output of a command on a home, as on a terminal of 200 columns."""
    places = {"QUANYU_HOME": str(settings.home), "QUANYU_CONF": str(settings.conf), "COLUMNS": "200"}
    line = [sys.executable, "-m", "quanyu.cli", *words]
    ran = subprocess.run(line, env=child_environment(places), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.long
def test_everything_of_a_home_listens_on_loopback_alone(settings, ports):
    (settings.conf / "base.yml").write_text("zone: Asia/Shanghai\n")
    # A scheduler without work: its DAG is paused.
    command(settings, "airflow", "dags", "pause", "ingest", "--yes")
    shown = command(settings, "up", "--schedule", "--airflow-port", str(ports[0]), "--mlflow-port", str(ports[1]))
    assert "paused: quanyu airflow dags unpause ingest" in shown
    family = processes.all_processes(background.services(settings))
    sockets = [socket for process in family for socket in process.net_connections("inet") if socket.status == "LISTEN"]
    assert {socket.laddr.port for socket in sockets} == set(ports)
    assert {socket.laddr.ip for socket in sockets} == {"127.0.0.1"}
    assert background.down(settings) == [*PARTS, "scheduler"]
    assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []

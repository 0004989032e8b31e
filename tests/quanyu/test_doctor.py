import importlib.metadata
import json
import os
import pwd
import socket
import subprocess
import sys
from dataclasses import asdict

import pytest

from quanyu.config.settings import Settings
from quanyu.engine.server import Server
from quanyu.engine.spark import SparkEngine
from quanyu.home import doctor
from quanyu.private_files import replace_file
from quanyu.servers import background
from quanyu.servers.processes import Service


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", conf=tmp_path, data=tmp_path, landing=tmp_path, engine="sail")


@pytest.fixture
def on_spark(settings):
    return settings.model_copy(update={"engine": "spark"})


def findings(settings, **ports):
    return {finding.name: finding for finding in doctor.check(settings, **ports)}


def test_every_check_runs_and_nothing_is_changed(settings):
    names = ["python", "engine", "pyspark", "deltalake", "apache-airflow", "mlflow", "pysail", "home", "disk", "memory",
             "machine", "port 8080", "port 5000", "pages"]  # fmt: skip
    report = findings(settings)
    assert list(report) == names
    assert all(finding.observed and finding.fix for finding in report.values())
    assert report["engine"].observed == f"Sail {importlib.metadata.version('pysail')} (set)"
    assert not settings.home.exists()


def test_spark_needs_what_it_always_did(on_spark):
    report = findings(on_spark)
    assert {"java", "memory", "jars", "spark server", "delta-spark"} < set(report)
    assert not {"machine", "pysail"} & set(report)
    assert report["engine"].observed == "Apache Spark 4.2.0 (set)"


def test_a_remote_spark_needs_no_java_here(on_spark):
    remote = on_spark.model_copy(
        update={"engine": "auto", "spark": on_spark.spark.model_copy(update={"remote": "sc://there"})}
    )
    report = findings(remote)
    assert not {"java", "memory", "jars", "spark server", "machine"} & set(report)
    assert report["engine"].observed == "Apache Spark 4.2.0 at sc://there (spark.remote is set)"


def test_an_unavailable_engine_is_reported(settings, monkeypatch):
    monkeypatch.setattr("quanyu.engine.session.sail_version", lambda: None)
    report = findings(settings)
    assert not report["engine"].ok and "no wheel" in report["engine"].observed
    assert not {"java", "machine"} & set(report)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may run a program as another")
def test_another_person_on_this_machine_is_reported(settings, monkeypatch):
    alone, accounts = findings(settings)["machine"], pwd.getpwall()
    entry = pwd.struct_passwd(("ann", "x", 54321, 54321, "", "/", "/bin/sh"))
    monkeypatch.setattr(doctor.pwd, "getpwall", lambda: [*accounts, entry])
    assert findings(settings)["machine"] == alone
    program = subprocess.Popen(["sleep", "60"], user=54321)
    try:
        report = findings(settings)["machine"]
        assert (report.ok, "ann" in report.observed) == (False, True)
        assert "no token" in report.fix and "engine: spark" in report.fix
    finally:
        program.kill()
        program.wait()
    assert findings(settings)["machine"] == alone


def test_what_has_no_login_is_reported(settings):
    assert "without login: Sail's port while a run lasts" in findings(settings)["machine"].observed


def test_a_home_that_is_open_to_others_is_reported(settings):
    settings.home.mkdir(mode=0o700)
    assert findings(settings)["rights of the home"].ok
    settings.home.chmod(0o750)
    report = findings(settings)["rights of the home"]
    assert (report.ok, f"chmod 700 {settings.home}" in report.fix) == (False, True)


def test_this_environment_has_what_the_lock_pins(settings):
    report = findings(settings)
    assert [name for name in doctor.PINNED if not report[name].ok] == []
    assert doctor._pins().items() >= {"pyspark": "4.2.0", "apache-airflow": "3.3.2"}.items()


def test_another_version_and_a_missing_package_are_reported(settings, tmp_path, monkeypatch):
    (tmp_path / "lock").write_text("pyspark[connect]==9.9.9 \\\n    --hash=sha256:00\nmlflow==1 ; python_version\n")
    monkeypatch.setattr(doctor, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(doctor, "PINNED", ("pyspark", "no-such-thing"))
    report = findings(settings)
    assert (report["pyspark"].ok, report["no-such-thing"].ok) == (False, False)
    assert report["pyspark"].observed.endswith("where 9.9.9 is pinned")
    monkeypatch.setattr(doctor, "LOCK", tmp_path / "none")
    assert doctor._pins()["mlflow"] == "3.17.2"


def java(tmp_path, text, code=0):
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.stderr.write('''{text}''')\nsys.exit({code})\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "code", "ok"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 0, True),
        ('java version "21" 2023-09-19 LTS', 0, True),
        ('openjdk version "25-ea" 2025-09-16', 0, True),
        ('java version "1.8.0_392"', 0, False),
        ('openjdk version "11.0.2"', 0, False),
        ("nonsense", 0, False),
        ("", 1, False),
    ],
)
def test_java_is_17_or_later(tmp_path, monkeypatch, text, code, ok):
    java(tmp_path, text, code)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert doctor._java().ok is ok


def test_no_java_at_all(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor._java().observed == "no java on the path and no JAVA_HOME"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    assert doctor._java().observed.endswith("does not run")


def test_a_port_is_free_or_ours_or_somebody_elses(settings):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        report = findings(settings, airflow_port=port)[f"port {port}"]
        assert (report.ok, report.observed) == (False, "in use by another program")
        assert "--airflow-port" in report.fix
        us = doctor.psutil.Process()
        (settings.home / "server").mkdir(parents=True)
        background._note(settings, [Service("airflow", us.pid, us.create_time(), port, "m")])
        report = findings(settings, airflow_port=port)
        assert (report[f"port {port}"].ok, report[f"port {port}"].observed) == (True, "in use by airflow of this home")
        assert report["pages"].observed == f"airflow at http://127.0.0.1:{port}"
    assert findings(settings, airflow_port=port)[f"port {port}"].observed == "free"


def test_state_that_outlived_its_process_is_reported(on_spark):
    (on_spark.home / "server").mkdir(parents=True)
    replace_file(SparkEngine(on_spark).folder / "server.json", json.dumps(asdict(Server(1, 1.0, 1, "t"))))
    background._note(on_spark, [Service("mlflow", 1, 1.0, 5000, "m")])
    report = findings(on_spark)
    assert (report["spark server"].ok, report["pages"].ok) == (False, False)
    assert report["pages"].observed == "none running; ended without quanyu down: mlflow"


def test_a_home_that_is_a_file_or_on_a_full_disk_or_too_small_a_machine(on_spark, monkeypatch):
    on_spark.home.write_text("")
    assert not findings(on_spark)["home"].ok
    on_spark.home.unlink()
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 4 * doctor.GB}))
    monkeypatch.setattr(doctor, "_machine_bytes", lambda: 4 * doctor.GB)
    report = findings(on_spark)
    assert (report["home"].ok, report["disk"].ok, report["memory"].ok) == (True, False, False)
    assert report["memory"].observed == "4.0 GB, of which the engine may take 3g"
    small = on_spark.model_copy(update={"spark": on_spark.spark.model_copy(update={"memory": "1500m"})})
    assert findings(small)["memory"].ok


def test_cached_jars_are_seen(on_spark, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "not cached yet" in findings(on_spark)["jars"].observed
    cache = SparkEngine(on_spark).jar_folder()
    (cache / "jars").mkdir(parents=True)
    (cache / "jars" / "delta.jar").touch()
    (cache / "complete").touch()
    assert findings(on_spark)["jars"].observed.startswith("cached in")

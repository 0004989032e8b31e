import socket
import sys

import pytest

from quanyu import doctor, servers
from quanyu.engine.server import Server
from quanyu.engine.spark import SparkEngine
from quanyu.processes import Service
from quanyu.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", conf=tmp_path, data=tmp_path, landing=tmp_path)


def found(settings, **ports):
    return {finding.name: finding for finding in doctor.check(settings, **ports)}


def test_everything_is_looked_at_and_nothing_is_changed(settings):
    names = ["python", "pyspark", "delta-spark", "apache-airflow", "mlflow", "home", "disk", "java", "memory", "jars",
             "spark server", "port 8080", "port 5000", "pages"]  # fmt: skip
    told = found(settings)
    assert list(told) == names
    assert all(finding.found and finding.mend for finding in told.values())
    assert not settings.home.exists()


def test_a_remote_spark_needs_no_java_here(settings):
    remote = settings.model_copy(update={"spark": settings.spark.model_copy(update={"remote": "sc://there"})})
    assert not {"java", "memory", "jars", "spark server"} & set(found(remote))


def test_this_environment_has_what_the_lock_pins(settings):
    told = found(settings)
    assert [name for name in doctor.PINNED if not told[name].ok] == []
    assert doctor._pins().items() >= {"pyspark": "4.2.0", "apache-airflow": "3.3.2"}.items()


def test_another_version_and_a_missing_package_are_told(settings, tmp_path, monkeypatch):
    (tmp_path / "lock").write_text("pyspark[connect]==9.9.9 \\\n    --hash=sha256:00\nmlflow==1 ; python_version\n")
    monkeypatch.setattr(doctor, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(doctor, "PINNED", ("pyspark", "no-such-thing"))
    told = found(settings)
    assert (told["pyspark"].ok, told["no-such-thing"].ok) == (False, False)
    assert told["pyspark"].found.endswith("where 9.9.9 is pinned")
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
    assert doctor._java().found == "no java on the path and no JAVA_HOME"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    assert doctor._java().found.endswith("does not run")


def test_a_port_is_free_or_ours_or_somebody_elses(settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = found(settings, airflow_port=port)[f"port {port}"]
        assert (told.ok, told.found) == (False, "in use by another program")
        assert "--airflow-port" in told.mend
        us = doctor.psutil.Process()
        (settings.home / "server").mkdir(parents=True)
        servers._note(settings, [Service("airflow", us.pid, us.create_time(), port, "m")])
        told = found(settings, airflow_port=port)
        assert (told[f"port {port}"].ok, told[f"port {port}"].found) == (True, "in use by airflow of this home")
        assert told["pages"].found == f"airflow at http://127.0.0.1:{port}"
    assert found(settings, airflow_port=port)[f"port {port}"].found == "free"


def test_state_that_outlived_its_process_is_told(settings):
    (settings.home / "server").mkdir(parents=True)
    SparkEngine(settings)._note(Server(1, 1.0, 1, "t"))
    servers._note(settings, [Service("mlflow", 1, 1.0, 5000, "m")])
    told = found(settings)
    assert (told["spark server"].ok, told["pages"].ok) == (False, False)
    assert told["pages"].found == "none running; ended without quanyu down: mlflow"


def test_a_home_that_is_a_file_or_on_a_full_disk_or_too_small_a_machine(settings, monkeypatch):
    settings.home.write_text("")
    assert not found(settings)["home"].ok
    settings.home.unlink()
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 4 * doctor.GB}))
    monkeypatch.setattr(doctor, "_machine_bytes", lambda: 4 * doctor.GB)
    told = found(settings)
    assert (told["home"].ok, told["disk"].ok, told["memory"].ok) == (True, False, False)
    assert told["memory"].found == "4.0 GB, of which Spark may take 3g"
    small = settings.model_copy(update={"spark": settings.spark.model_copy(update={"memory": "1500m"})})
    assert found(small)["memory"].ok


def test_cached_jars_are_seen(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "not cached yet" in found(settings)["jars"].found
    cache = SparkEngine(settings).jar_folder()
    (cache / "jars").mkdir(parents=True)
    (cache / "jars" / "delta.jar").touch()
    (cache / "complete").touch()
    assert found(settings)["jars"].found.startswith("cached in")

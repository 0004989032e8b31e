"""The cluster form as far as one machine can show it: its settings, its image's files, and its compose file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from quanyu.engine.session import engine_name
from quanyu.lake.committer import committer_name
from quanyu.settings import load_settings

ROOT = Path(__file__).parents[1]
SECRETS = ("POSTGRES_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_ADMIN_PASSWORD")


def test_the_cluster_layer_names_a_server_for_each_part(tmp_path, monkeypatch):
    monkeypatch.setenv("QUANYU_ENV", "cluster")
    monkeypatch.setenv("QUANYU_STORE_URL", "postgresql+psycopg://user:secret@db/quanyu")
    settings = load_settings(ROOT / "conf", tmp_path)
    assert (engine_name(settings), committer_name(settings)) == ("spark", "spark")
    assert settings.store_url == "postgresql+psycopg://user:secret@db/quanyu"
    assert settings.mlflow_url == "http://mlflow:5000"
    assert "user:secret" not in repr(settings)


def test_the_image_copies_what_is_there():
    lines = (ROOT / "docker" / "Dockerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {"quanyu", "jobs", "features", "ml", "dags", "conf", "requirements.lock"} <= set(copied)


def test_every_secret_of_the_compose_file_is_asked_for():
    compose = (ROOT / "docker" / "compose.yml").read_text()
    example = (ROOT / "docker" / "env.example").read_text()
    assert set(re.findall(r"\$\{(\w+):\?\}", compose)) == set(SECRETS) == set(re.findall(r"^(\w+)=", example, re.M))
    published = re.findall(r'ports: \["([^"]+)"\]', compose)
    assert published and all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_docker_compose_accepts_the_file():
    line = ["docker-compose", "-f", str(ROOT / "docker" / "compose.yml"), "config", "--quiet"]
    environment = {**os.environ, **dict.fromkeys(SECRETS, "x")}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    missing = subprocess.run(line, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert missing.returncode != 0
    assert "Missing mandatory value" in missing.stderr

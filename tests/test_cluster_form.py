"""The cluster form as far as one machine can test it: its settings, image files and compose file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from postgres import ADMIN, PASSWORD, Postgres, UnavailableError
from shop import Retailer

from quanyu.config.settings import load_settings
from quanyu.engine.session import engine_name
from quanyu.lake.committer import committer_name
from quanyu.run.runner import perform
from quanyu.store import Message

ROOT = Path(__file__).parents[1]
STALL = """
describes: Sales of a market stall.
owner: me
reads: {path: "stall/{day}.csv", format: csv}
delivers: events
freshness: none
person: [{kind: member, scope: stall, value: card}]
fills:
  orders:
    order_id: slip
    ordered_at: at
    kind: "'purchase'"
    status: "'paid'"
    amount: paid
    channel: "'store'"
"""
SECRETS = ("QUANYU_MACHINE", "POSTGRES_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_ADMIN_PASSWORD")


def test_the_cluster_layer_names_a_server_for_each_part(tmp_path, monkeypatch):
    monkeypatch.setenv("QUANYU_ENV", "cluster")
    monkeypatch.setenv("QUANYU_STORE_URL", "postgresql+psycopg://user:secret@postgres/quanyu")
    settings = load_settings(ROOT / "conf", tmp_path)
    assert (engine_name(settings), committer_name(settings)) == ("spark", "spark")
    assert settings.store_url == "postgresql+psycopg://user:secret@postgres/quanyu"
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


@pytest.fixture
def on_postgres(tmp_path, monkeypatch):
    """A retailer with its store in PostgreSQL."""
    try:
        server = Postgres()
    except UnavailableError as error:
        pytest.skip(str(error))
    address = f"postgresql+psycopg://{ADMIN}:{PASSWORD}@127.0.0.1:{server.port}/postgres"
    monkeypatch.setenv("QUANYU_STORE_URL", address)
    monkeypatch.setenv("QUANYU__STORE", "env:QUANYU_STORE_URL")
    retailer = Retailer(tmp_path)
    yield retailer
    retailer.close()
    server.close()


def test_a_day_is_ingested_once_with_the_store_in_postgresql(on_postgres):
    on_postgres.declare("sources/stall.yml", STALL)
    on_postgres.land("stall/2024-07-01.csv", "slip,at,card,paid\n1,2024-07-01 10:15:00,M7,24.00\n2,2024-07-01,M8,5\n")
    first, second = on_postgres.context("2024-07-01"), on_postgres.context("2024-07-01")
    steps = ("ingest.stall", "identities", "customers", "memberships.customer")
    names = [name for name in steps if name in first.steps]
    assert [perform(first, first.step(name)).status for name in names] == ["done"] * len(names)
    assert [perform(second, second.step(name)).status for name in names] == ["skipped"] * len(names)
    assert second.store.ledger.volumes("stall") == {date(2024, 7, 1): 2}
    assert len(on_postgres.rows("silver/orders")) == 2
    assert not (on_postgres.home / "store.db").exists()


def test_a_message_is_claimed_once_in_postgresql(on_postgres):
    store, day = on_postgres.context("2024-07-01").store, date(2024, 7, 1)
    message = Message("key-1", "winback", "winback:1", "remind", "c-1", "eml", "we-miss-you", day)
    assert [store.outbox.plan([message]), store.outbox.plan([message])] == [1, 0]
    assert [store.outbox.claim("key-1", day), store.outbox.claim("key-1", day)] == [True, False]

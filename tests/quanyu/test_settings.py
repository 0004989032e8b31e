"""Settings come in layers, are typed and frozen, and hold secrets by reference only."""

import os
import subprocess
import sys

import pytest

from quanyu.errors import ConfigError
from quanyu.settings import load_settings, person_key_secret, read_settings, secret


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in list(os.environ):
        if name.startswith("QUANYU_"):
            monkeypatch.delenv(name)


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "base.yml").write_text("zone: Europe/London\nspark: {memory: 2g, cores: 4}\n")
    return tmp_path


def load(conf):
    return load_settings(conf, conf / "home")


def told(conf):
    with pytest.raises(ConfigError) as error:
        load(conf)
    return str(error.value)


def test_the_later_layer_wins_key_by_key(conf, monkeypatch):
    (conf / "prod.yml").write_text("spark: {memory: 8g}\n")
    assert (load(conf).spark.memory, load(conf).spark.cores) == ("2g", 4)
    monkeypatch.setenv("QUANYU_ENV", "prod")
    assert (load(conf).spark.memory, load(conf).spark.cores) == ("8g", 4)
    monkeypatch.setenv("QUANYU__SPARK__MEMORY", "16g")
    monkeypatch.setenv("QUANYU__CURRENCY", "EUR")
    assert (load(conf).spark.memory, load(conf).currency, load(conf).zone) == ("16g", "EUR", "Europe/London")


def test_settings_are_frozen(conf):
    settings = load(conf)
    with pytest.raises(ValueError, match="frozen"):
        settings.zone = "UTC"
    with pytest.raises(ValueError, match="frozen"):
        settings.spark.cores = 8


def test_every_mistake_of_every_layer_is_told_where_it_stands(conf, monkeypatch):
    (conf / "base.yml").write_text("zone: Mars\nspark: {memori: 2g}\ncurrency: euros\n")
    (conf / "prod.yml").write_text("mail: {port: 99999}\n")
    monkeypatch.setenv("QUANYU_ENV", "prod")
    monkeypatch.setenv("QUANYU__SPARK__CORES", "many")
    found = told(conf).replace(f"{conf}/", "")
    for words in (
        "base.yml: zone: 'Mars' is not allowed: not a time zone",
        "base.yml: spark.memori: unknown key; did you mean 'memory'?",
        "base.yml: currency: 'euros' is not allowed",
        "prod.yml: mail.port: 99999 is not allowed",
        "environment: QUANYU__SPARK__CORES: 'many' is not allowed",
    ):
        assert words in found


def test_a_broken_layer_hides_no_other(conf, monkeypatch):
    (conf / "base.yml").write_text("zone: [\n")
    (conf / "prod.yml").write_text("currency: euros\n")
    monkeypatch.setenv("QUANYU_ENV", "prod")
    assert "base.yml: line" in told(conf)
    assert "prod.yml: currency" in told(conf)


def test_a_missing_folder_or_layer_is_told_with_what_there_is(conf, tmp_path, monkeypatch):
    assert "not a conf folder: base.yml is missing; give --conf or QUANYU_CONF" in told(tmp_path / "nowhere")
    (conf / "prod.yml").write_text("")
    monkeypatch.setenv("QUANYU_ENV", "prd")
    assert "did you mean 'prod'?" in told(conf)


def test_sound_sections_stand_beside_faulty_ones(conf):
    (conf / "base.yml").write_text("zone: Mars\ncurrency: EUR\n")
    settings, problems = read_settings(conf, conf / "home")
    assert (settings.zone, settings.currency, len(problems.found)) == ("Asia/Shanghai", "EUR", 1)


def test_contradicting_variables_are_no_traceback(conf, monkeypatch):
    monkeypatch.setenv("QUANYU__SPARK", "big")
    monkeypatch.setenv("QUANYU__SPARK__CORES", "2")
    assert load(conf).spark.cores == 2


def test_a_secret_is_given_by_reference_and_never_shown(conf, monkeypatch, tmp_path):
    (conf / "base.yml").write_text("mail: {password: hunter2}\n")
    assert "by reference only: env:NAME or file:PATH" in told(conf)
    assert "hunter2" not in told(conf)
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2")
    (tmp_path / "secret").write_text("hunter3\n")
    assert [secret(""), secret("env:MAIL_PASSWORD"), secret(f"file:{tmp_path / 'secret'}")] == [
        "",
        "hunter2",
        "hunter3",
    ]
    for reference in ("env:NO_SUCH_THING", f"file:{tmp_path / 'none'}"):
        with pytest.raises(ConfigError, match="secret"):
            secret(reference)


def test_the_home_makes_one_person_key_that_only_its_owner_reads(conf):
    settings = load(conf)
    key = person_key_secret(settings)
    assert (len(key), person_key_secret(settings)) == (64, key)
    assert (settings.home / "person.key").stat().st_mode & 0o077 == 0


def test_two_that_make_the_person_key_at_once_agree(conf):
    code = ("from quanyu.settings import *; import sys; s = load_settings(sys.argv[1], sys.argv[2]);"
            " print(person_key_secret(s).decode())")  # fmt: skip
    line = [sys.executable, "-c", code, str(conf), str(conf / "other")]
    running = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({process.communicate()[0] for process in running}) == 1

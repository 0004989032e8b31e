"""Settings have layers, are typed and frozen, and contain secrets by reference only."""

import os
import subprocess
import sys

import pytest

from quanyu.config.settings import (
    child_environment,
    load_settings,
    of_steps,
    person_key_secret,
    read_settings,
    secret,
)
from quanyu.errors import ConfigError


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


def problems_of(conf):
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


def test_every_mistake_of_every_layer_is_reported_where_it_stands(conf, monkeypatch):
    (conf / "base.yml").write_text("zone: Mars\nspark: {memori: 2g}\ncurrency: euros\n")
    (conf / "prod.yml").write_text("mail: {port: 99999}\n")
    monkeypatch.setenv("QUANYU_ENV", "prod")
    monkeypatch.setenv("QUANYU__SPARK__CORES", "many")
    messages = problems_of(conf).replace(f"{conf}/", "")
    for words in (
        "base.yml: zone: 'Mars' is not allowed: not a time zone",
        "base.yml: spark.memori: unknown key; did you mean 'memory'?",
        "base.yml: currency: 'euros' is not allowed",
        "prod.yml: mail.port: 99999 is not allowed",
        "environment: QUANYU__SPARK__CORES: 'many' is not allowed",
    ):
        assert words in messages


def test_a_broken_layer_hides_no_other(conf, monkeypatch):
    (conf / "base.yml").write_text("zone: [\n")
    (conf / "prod.yml").write_text("currency: euros\n")
    monkeypatch.setenv("QUANYU_ENV", "prod")
    assert "base.yml: line" in problems_of(conf)
    assert "prod.yml: currency" in problems_of(conf)


def test_a_missing_folder_or_layer_is_reported_with_what_there_is(conf, tmp_path, monkeypatch):
    assert "not a conf folder: base.yml is missing; give --conf or QUANYU_CONF" in problems_of(tmp_path / "nowhere")
    (conf / "prod.yml").write_text("")
    monkeypatch.setenv("QUANYU_ENV", "prd")
    assert "did you mean 'prod'?" in problems_of(conf)


def test_valid_sections_are_read_beside_invalid_ones(conf):
    (conf / "base.yml").write_text("zone: Mars\ncurrency: EUR\n")
    settings, problems = read_settings(conf, conf / "home")
    assert (settings.zone, settings.currency, len(problems.found)) == ("Asia/Shanghai", "EUR", 1)


def test_contradicting_variables_are_no_traceback(conf, monkeypatch):
    monkeypatch.setenv("QUANYU__SPARK", "big")
    monkeypatch.setenv("QUANYU__SPARK__CORES", "2")
    assert load(conf).spark.cores == 2


def test_a_secret_is_given_by_reference_and_never_shown(conf, monkeypatch, tmp_path):
    (conf / "base.yml").write_text("mail: {password: hunter2}\n")
    assert "by reference only: env:NAME or file:PATH" in problems_of(conf)
    assert "hunter2" not in problems_of(conf)
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
    code = ("from quanyu.config.settings import *; import sys; s = load_settings(sys.argv[1], sys.argv[2]);"
            " print(person_key_secret(s).decode())")  # fmt: skip
    line = [sys.executable, "-c", code, str(conf), str(conf / "other")]
    running = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({process.communicate()[0] for process in running}) == 1


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("spark: {conf: {spark.hadoop.fs.s3a.secret.key: hunter2}}", "spark.conf"),
        ("spark: {conf: {fs.azure.account.key.x.net: hunter2}}", "spark.conf"),
        ("spark: {conf: {spark.ssl.keyPassword: hunter2}}", "spark.conf"),
        ("spark: {conf: {spark.driver.extraJavaOptions: -Djavax.net.ssl.trustStorePassword=hunter2}}", "spark.conf"),
        ("spark: {remote: 'sc://h:1/;token=hunter2'}", "spark.remote"),
        ("spark: {remote: 'sc://h:1/;use_ssl=true;token=hunter2'}", "spark.remote"),
        ("spark: {token: hunter2}", "spark.token"),
        ("mlflow: https://ann:hunter2@h", "mlflow"),
        ("drop: {endpoint: 'https://ann:hunter2@h'}", "drop.endpoint"),
        ("drop: {bucket: 's3://ann:hunter2@bucket'}", "drop.bucket"),
        ("store: postgresql+psycopg://ann:hunter2@h/x", "store"),
    ],
)
def test_every_secret_setting_is_a_reference(conf, text, key):
    (conf / "base.yml").write_text(text)
    assert f"{key}: what is given is not allowed: a secret" in problems_of(conf)
    assert "hunter2" not in problems_of(conf)


@pytest.mark.parametrize(
    "text",
    [
        "spark: {conf: {spark.hadoop.fs.s3a.secret.key: 'env:S3_SECRET'}}",
        "spark: {conf: {spark.hadoop.fs.s3a.aws.credentials.provider: org.apache.hadoop.SimpleProvider}}",
        "spark: {conf: {spark.sql.mapKeyDedupPolicy: LAST_WIN, spark.ssl.keyStore: /etc/keys.jks}}",
        "spark: {remote: 'sc://h:1/;use_ssl=true', token: 'file:/run/token'}",
        "spark: {remote: 'sc://h:1', token: 'file:/run/token'}",
        "spark: {remote: 'sc://localhost:1'}",
        "mail: {channel: smtp, host: mail.example.com, starttls: true}",
        "mail: {channel: smtp, host: '::1'}",
        "mail: {host: mail.example.com}",
        "{mlflow: 'http://mlflow:5000', plain_hosts: [mlflow]}",
        "mlflow: http://127.0.0.1:5000",
    ],
)
def test_references_and_encrypted_or_local_addresses_are_sound(conf, text):
    (conf / "base.yml").write_text(text)
    assert load(conf)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("mail: {channel: smtp, host: mail.example.com}", "mail.starttls"),
        ("drop: {bucket: 's3://b', endpoint: 'http://minio:9000'}", "drop.endpoint"),
        ("mlflow: http://mlflow:5000", "mlflow"),
        ("spark: {remote: 'sc://spark:15002'}", "spark.remote"),
        ("spark: {remote: 'sc://spark:15002/;use_ssl=false'}", "spark.remote"),
    ],
)
def test_nothing_leaves_the_machine_without_tls(conf, text, key):
    (conf / "base.yml").write_text(text)
    assert f"base.yml: {key}:" in problems_of(conf) and "would be reached without TLS" in problems_of(conf)


def test_a_store_on_another_machine_is_reached_by_tls(conf, monkeypatch):
    (conf / "base.yml").write_text("store: env:STORE")
    monkeypatch.setenv("STORE", "postgresql+psycopg://ann:hunter2@h/x")
    with pytest.raises(ConfigError, match="h would be reached without TLS"):
        _ = load(conf).store_url
    monkeypatch.setenv("STORE", "postgresql+psycopg://ann:hunter2@h/x?sslmode=verify-full")
    assert load(conf).store_url.endswith("verify-full")


def test_a_child_gets_what_it_needs_and_no_secret_that_it_does_not(conf, monkeypatch):
    (conf / "base.yml").write_text("mail: {password: env:MAIL_PASSWORD}")
    for name in ("MAIL_PASSWORD", "OTHER_PASSWORD", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hunter2")
    plain, steps = child_environment({"EXTRA": "1"}), child_environment({}, of_steps(conf))
    assert plain["EXTRA"] == "1" and plain["PATH"].endswith(os.environ["PATH"])
    assert "hunter2" not in plain.values()
    assert {name for name, value in steps.items() if value == "hunter2"} == {"MAIL_PASSWORD", "AWS_SECRET_ACCESS_KEY"}


def test_a_home_is_its_owners_alone_whatever_makes_it(conf):
    code = ("import sys; from pathlib import Path; from quanyu.config.settings import load_settings;"
            " s = load_settings(sys.argv[1], sys.argv[2]); (s.landing / 'pos').mkdir(parents=True);"
            " (s.landing / 'pos' / 'a.csv').write_text('x')")  # fmt: skip
    subprocess.run(
        [sys.executable, "-c", f"import os; os.umask(0o022); {code}", str(conf), str(conf / "home")], check=True
    )
    folders = [conf / "home", conf / "home" / "landing", conf / "home" / "landing" / "pos"]
    assert [path.stat().st_mode & 0o777 for path in folders] == [0o700] * 3
    assert (folders[-1] / "a.csv").stat().st_mode & 0o777 == 0o600


def test_a_home_with_wider_rights_is_narrowed(conf):
    (conf / "home").mkdir()
    (conf / "home").chmod(0o755)
    load(conf)
    assert (conf / "home").stat().st_mode & 0o777 == 0o700


def test_what_is_typed_wins_over_variables_those_over_the_files_and_those_over_defaults(conf, monkeypatch, tmp_path):
    def home(typed=None):
        settings = load_settings(conf, typed)
        assert settings.landing == settings.home / "landing"
        return settings.home

    monkeypatch.chdir(tmp_path)
    assert home() == tmp_path / ".quanyu"
    (conf / "base.yml").write_text("home: in_file\n")
    assert home() == tmp_path / "in_file"
    monkeypatch.setenv("QUANYU__HOME", str(tmp_path / "as_setting"))
    assert home() == tmp_path / "as_setting"
    monkeypatch.setenv("QUANYU_HOME", str(tmp_path / "as_variable"))
    assert home() == tmp_path / "as_variable"
    assert home(tmp_path / "typed") == tmp_path / "typed"
    assert home("typed") == tmp_path / "typed"


@pytest.mark.parametrize("name", ["data", "landing"])
def test_folders_without_an_option_are_those_of_variables_before_those_of_the_files(conf, monkeypatch, tmp_path, name):
    (conf / "base.yml").write_text(f"{name}: {tmp_path}/in_file\n")
    assert getattr(load(conf), name) == tmp_path / "in_file"
    monkeypatch.setenv(f"QUANYU_{name.upper()}", str(tmp_path / "as_variable"))
    assert getattr(load(conf), name) == tmp_path / "as_variable"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("conf: elsewhere", "base.yml: conf: not to be given"),
        ("landing: 5", "base.yml: landing: the path of a folder is wanted"),
        ("landing: {here}/base.yml", "base.yml: landing: {here}/base.yml is a file and no folder"),
    ],
)
def test_a_folder_is_one(conf, text, words):
    (conf / "base.yml").write_text(text.format(here=conf) + "\n")
    assert words.format(here=conf) in problems_of(conf)


def test_a_home_that_is_a_file_is_reported(conf):
    (conf / "home").write_text("")
    assert f"home: {conf}/home is a file and no folder" in problems_of(conf)

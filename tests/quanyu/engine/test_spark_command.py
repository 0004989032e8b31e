"""The command line of the Spark server, which all users can see, contains no secret."""

import pytest

from quanyu.config.settings import load_settings
from quanyu.engine.spark import CONF, SparkEngine, _property


@pytest.fixture
def engine(tmp_path, monkeypatch):
    (tmp_path / "base.yml").write_text(
        "spark: {remote: null, token: env:TOKEN, conf: {spark.hadoop.fs.s3a.secret.key: env:KEY, spark.x: 'a b=c'}}"
    )
    monkeypatch.setenv("KEY", "hunter2 #!=:\\ü")
    monkeypatch.setenv("TOKEN", "hunter3;=")
    engine = SparkEngine(load_settings(tmp_path, tmp_path / "home"))
    engine.folder.mkdir(parents=True)
    return engine


def test_the_command_line_holds_no_secret_and_the_file_is_its_owners(engine):
    engine._write_conf(15002)
    file = engine.folder / CONF
    assert not any("hunter2" in part or "env:KEY" in part for part in engine._command())
    assert str(file) in engine._command()
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text("ascii").splitlines()
    assert "spark.connect.grpc.binding.port=15002" in lines
    assert rf"spark.hadoop.fs.s3a.secret.key={_property('hunter2 #!=:')}\u005c\u00fc" in lines


def test_java_reads_a_property_as_it_was_given():
    assert _property("a b=ü😀") == r"a\u0020b\u003d\u00fc\ud83d\ude00"


def test_the_token_of_a_cluster_is_fetched_when_it_is_used_and_sent_by_tls(engine):
    remotes = ("sc://h:1", "sc://h:1/;user_id=a", "sc://localhost:1")
    urls = []
    for remote in remotes:
        spark = engine.settings.spark.model_copy(update={"remote": remote})
        urls.append(SparkEngine(engine.settings.model_copy(update={"spark": spark}))._remote_url())
    assert urls == [
        "sc://h:1/;use_ssl=true;token=hunter3%3B%3D",
        "sc://h:1/;user_id=a;use_ssl=true;token=hunter3%3B%3D",
        "sc://localhost:1/;token=hunter3%3B%3D",
    ]

"""Faults of machine, user or sender end in a message without a traceback that says who must act."""

import errno
import logging
import sqlite3
import stat

import pytest
import sqlalchemy as sa
from command_line import quanyu
from shop import Retailer

from quanyu.engine.guard import guard
from quanyu.errors import ConfigError, KeeperError, QuanyuError, RetryableError, actor
from quanyu.private_files import private_log
from quanyu.run.faults import explain_error, machine_fault
from quanyu.run.runner import Step, perform


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.ENOSPC, "No space left", "/home/x"), KeeperError, "/home/x: no space is left"),
        (OSError(errno.EROFS, "Read-only", "/home/x"), KeeperError, "can be read and not written"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/l"),
            KeeperError,
            "/l: this user has no permission to read or write",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file", "/l/a.csv"),
            RetryableError,
            "/l/a.csv: it does not exist, or was deleted",
        ),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/h"), ConfigError, "/h: a file is in place of a folder"),
        (ConnectionRefusedError(), RetryableError, "did not answer"),
        (OSError("Generic LocalFileSystem error: Unable to write (os error 28)"), KeeperError, "no space is left"),
        (sqlite3.OperationalError("database or disk is full"), KeeperError, "no space is left"),
        (sa.exc.DatabaseError("q", {}, sqlite3.DatabaseError("file is not a database")), KeeperError, "is damaged"),
    ],
)
def test_the_machines_faults_say_who_must_act(error, kind, words):
    fault = machine_fault(error)
    assert type(fault) is kind and words in str(fault)
    assert actor(KeeperError.__name__) == actor(RetryableError.__name__) == "the machine's operator"


def test_a_bug_is_reported_with_its_place_and_no_value():
    try:
        int("13812340101 王女士")
    except ValueError as error:
        fault = explain_error(error)
    assert type(fault) is QuanyuError
    assert str(fault).startswith("ValueError at test_faults.py:") and "王" not in str(fault)


def test_a_full_disk_in_the_engine_is_for_the_operator():
    from pyspark.errors.exceptions.connect import SparkConnectGrpcException

    with pytest.raises(KeeperError, match=r"step: .*no space is left"), guard("step"):
        raise SparkConnectGrpcException("External error: No space left on device (os error 28), 王女士")


def test_a_log_is_its_owners_alone_even_where_it_was_there_before(tmp_path):
    old = tmp_path / "logs" / "errors.log"
    old.parent.mkdir()
    old.write_text("old\n")
    old.chmod(0o644)
    with private_log(old) as log:
        log.write(b"new\n")
    assert old.read_text() == "old\nnew\n" and stat.S_IMODE(old.stat().st_mode) == 0o600


def command(*words, shop=None):
    folders = ["--conf", str(shop.conf), "--home", str(shop.home)] if shop else []
    done = quanyu(*words, *folders)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.returncode, done.stderr


@pytest.fixture
def shop(tmp_path):
    return Retailer(tmp_path, server=tmp_path / "server")


def test_commands_end_in_a_message_whatever_is_in_the_conf_folder(shop, tmp_path):
    bad = shop.conf / "sources" / "till.yml"
    bad.write_bytes("describes: 王".encode("gb18030"))
    assert command("validate", shop=shop) == (2, f"ConfigError\n{bad}: not valid YAML in UTF-8\n")
    bad.unlink()
    (shop.conf / "base.yml").write_bytes(b"\xff\xfe\x00")
    code, words = command("validate", shop=shop)
    assert code == 2 and "base.yml: not valid YAML in UTF-8" in words
    code, words = command("validate", "--conf", str(tmp_path / "nothing"))
    assert code == 2 and "not a conf folder" in words


def test_commands_end_in_words_where_the_home_is_a_file_or_out_of_reach(shop, tmp_path):
    file = tmp_path / "a_file"
    file.write_text("")
    for home in (file, file / "below"):
        code, words = command("tables", "--conf", str(shop.conf), "--home", str(home))
        assert code == 2 and str(file) in words
    code, words = command("tables", "--conf", str(shop.conf), "--home", "/proc/none")
    assert code in (0, 4)
    code, words = command("catalogue", "--out", "/proc/none/catalogue", shop=shop)
    assert code in (2, 4) and "/proc" in words


def test_a_page_on_a_full_disk_is_reported(shop):
    code, words = command("expressions", "--out", "/dev/full")
    assert code == 4 and "no space is left" in words


def test_a_step_that_fails_on_a_value_shows_it_nowhere(shop, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    values = ["13812340101", "王女士"]

    def do(context, receipt):
        frame = context.engine.session().createDataFrame([(value,) for value in values], "x string")
        frame.selectExpr("cast(x as int) as n").collect()

    def stumble(context, receipt):
        raise ValueError(" ".join(values))

    said = []
    for name, way in (("cast", do), ("fault", stumble)):
        context = shop.context("2024-07-01")
        with pytest.raises(QuanyuError) as error:
            perform(context, Step(name, "x", (), (), "", way))
        assert error.value.__cause__ is None and error.value.__suppress_context__
        said.append(str(context.store.results.of_run(context.run_id)))
    screen = capfd.readouterr()
    errors = (shop.home / "logs" / "errors.log").read_text()
    assert "fault QuanyuError: fault: ValueError at test_faults.py:" in errors
    for text in (caplog.text, screen.out, screen.err, errors, *said):
        assert not [value for value in values if value in text], text


@pytest.mark.parametrize(
    "words",
    [
        ("table", "orders", "--version", "-1"),
        ("table", "orders", "--version", "99999999999999999999"),
        ("table", "orders", "--limit", "-5"),
        ("job", "train", "--day", "2024-07-01", "--wait", "nan"),
        ("job", "train", "--day", "2024-07-01", "--wait", "-5"),
        ("job", "train", "--day", "0000-00-00"),
        ("sample", "--days", "99999999"),
    ],
)
def test_numbers_on_the_command_line_have_bounds(shop, words):
    assert command(*words, shop=shop)[0] == 2


def test_a_conf_folders_own_code_ends_no_command(shop):
    shop.declare("features/own.py", "raise SystemExit(3)")
    code, words = command("validate", shop=shop)
    assert code == 2 and "own.py: cannot be imported" in words

"""Tokens that platforms renew, over HTTP: whose they are, where they are kept, and what a lost answer leaves."""

import json
import logging
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from platforms.contract import connected
from platforms.google_server import GoogleServer
from platforms.ocean_engine import OceanEngineServer
from platforms.server import BROKEN, LOST
from platforms.tencent import TencentServer

from jobs.exports import tokens
from jobs.exports.platforms.google import Google
from jobs.exports.platforms.ocean_engine import OceanEngine
from jobs.exports.platforms.tencent import Tencent
from quanyu.errors import ConfigError, RejectedError

SHARED = [(Tencent, TencentServer), (OceanEngine, OceanEngineServer)]


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("APP", "77")
    monkeypatch.setenv("APP_SECRET", OceanEngineServer.secret)


@pytest.fixture(params=SHARED, ids=[platform.name for platform, _ in SHARED])
def shared(request):
    """A platform whose tokens all processes share, and its server."""
    platform, server_of = request.param
    with server_of() as server:
        yield platform, server


@pytest.fixture
def file(tmp_path):
    """The file of a refresh token, as a person writes it."""
    file = tmp_path / "token"
    file.write_text(f"{OceanEngineServer.refresh_token}\n", encoding="utf-8")
    return file


def opened(platform, server, monkeypatch, token):
    """The interface of an account whose token is a refresh token."""
    options = {"client_id": "env:APP", "client_secret": "env:APP_SECRET", "oauth_url": server.url}
    account = connected(platform, server, monkeypatch).account
    return platform.connect(account.model_copy(update={"options": options, "token": token}))


def asked(platform):
    """Make a call that needs a token."""
    return platform.status("1000")


def test_a_refresh_token_is_exchanged_once_and_what_came_is_kept_for_all(shared, file, monkeypatch):
    platform, server = shared
    for _ in range(2):
        asked(opened(platform, server, monkeypatch, f"file:{file}"))
    assert server.renewals == 1 and file.stat().st_mode & 0o777 == 0o600
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert (stored["access_token"], stored["refresh_token"]) == (server.token, server.refresh_token)
    assert {path.name for path in file.parent.iterdir()} == {"token", "token.lock"}


def test_a_life_that_is_no_number_costs_no_refresh_token(shared, file, monkeypatch):
    platform, server = shared
    server.lifetime = "a day"
    asked(opened(platform, server, monkeypatch, f"file:{file}"))
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert (stored["refresh_token"], stored["unanswered"]) == (server.refresh_token, False)
    assert tokens.EARLY < stored["ends_at"] - time.time() <= tokens.UNSAID


def test_a_token_is_renewed_before_it_ends_also_within_a_run(shared, file, monkeypatch):
    platform, server = shared
    server.lifetime = tokens.EARLY - 1
    interface = opened(platform, server, monkeypatch, f"file:{file}")
    asked(interface)
    server.lifetime = tokens.EARLY + 60
    before = server.renewals
    asked(interface)
    asked(interface)
    assert server.renewals == before + 1


def test_of_those_who_find_it_ending_at_the_same_time_one_asks(shared, file, monkeypatch):
    platform, server = shared
    interfaces = [opened(platform, server, monkeypatch, f"file:{file}") for _ in range(6)]
    together = threading.Barrier(len(interfaces))

    def ask(interface):
        together.wait()
        return asked(interface).words

    with ThreadPoolExecutor(len(interfaces)) as pool:
        assert len({*pool.map(ask, interfaces)}) == 1
    assert server.renewals == 1


def test_a_refused_refresh_token_stays_and_says_who_must_act(shared, file, monkeypatch, caplog):
    platform, server = shared
    caplog.set_level(logging.DEBUG)
    server.refresh_token = "another-refresh-token"
    with pytest.raises(RejectedError, match="authorise the app on the platform again") as refused:
        asked(opened(platform, server, monkeypatch, f"file:{file}"))
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert (stored["refresh_token"], stored["unanswered"], server.renewals) == (
        OceanEngineServer.refresh_token,
        False,
        0,
    )
    assert "a run ended" not in str(refused.value)
    assert OceanEngineServer.refresh_token not in f"{refused.value}{caplog.text}"
    assert server.secret not in f"{refused.value}{caplog.text}"


def test_after_a_lost_answer_the_refresh_token_that_stays_is_used_again(file, monkeypatch):
    with TencentServer() as server:
        server.fail_next(LOST)
        asked(opened(Tencent, server, monkeypatch, f"file:{file}"))
        assert server.renewals == 2


def test_a_lost_answer_with_a_new_refresh_token_is_told_of_also_by_later_runs(file, monkeypatch):
    with OceanEngineServer() as server:
        server.fail_next(LOST)
        for _ in range(2):
            with pytest.raises(RejectedError, match="an earlier question for new tokens was lost") as refused:
                asked(opened(OceanEngine, server, monkeypatch, f"file:{file}"))
            assert "write the new refresh token alone into the file" in str(refused.value)
        file.write_text(server.refresh_token, encoding="utf-8")
        asked(opened(OceanEngine, server, monkeypatch, f"file:{file}"))
        assert json.loads(file.read_text(encoding="utf-8"))["unanswered"] is False


def test_a_run_that_is_killed_while_it_asks_leaves_a_note(shared, file, monkeypatch):
    platform, server = shared
    monkeypatch.setattr(server, "serve", lambda call: os.kill(child, signal.SIGKILL))
    child = os.fork()
    if not child:
        asked(opened(platform, server, monkeypatch, f"file:{file}"))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert (stored["refresh_token"], stored["unanswered"]) == (OceanEngineServer.refresh_token, True)
    monkeypatch.undo()


def test_a_failure_before_anything_was_done_costs_no_refresh_token(shared, file, monkeypatch):
    platform, server = shared
    server.fail_next(BROKEN)
    asked(opened(platform, server, monkeypatch, f"file:{file}"))
    assert server.renewals == 1 and json.loads(file.read_text(encoding="utf-8"))["unanswered"] is False


@pytest.mark.parametrize("blocked", ["token.lock", "a folder"])
def test_nothing_is_asked_where_nothing_could_be_kept(shared, file, monkeypatch, blocked):
    platform, server = shared
    if blocked == "token.lock":
        (file.parent / blocked).mkdir()
    else:
        # The new content is written beside the file first.
        monkeypatch.setattr("quanyu.private_files.os.getpid", lambda: f"{'x' * 300}")
    with pytest.raises(ConfigError, match="let this user write the file"):
        asked(opened(platform, server, monkeypatch, f"file:{file}"))
    assert server.calls == []


def test_a_file_of_something_else_is_explained(shared, file, monkeypatch):
    platform, server = shared
    file.write_text('{"token": "t0p"}', encoding="utf-8")
    with pytest.raises(ConfigError, match="neither a refresh token") as wrong:
        asked(opened(platform, server, monkeypatch, f"file:{file}"))
    assert "t0p" not in str(wrong.value)


def test_each_process_gets_a_token_of_its_own_where_they_live_side_by_side(monkeypatch):
    monkeypatch.setenv("REFRESH", GoogleServer.refresh_token)
    with GoogleServer() as server:
        interface = opened(Google, server, monkeypatch, "env:REFRESH")
        assert [interface.open_audience("churn", "") for _ in range(2)] == ["contact:9000"] * 2
        assert server.renewals == 1
        server.lifetime = 1
        again = opened(Google, server, monkeypatch, "env:REFRESH")
        assert [again.open_audience("churn", "") for _ in range(2)] == ["contact:9000"] * 2 and server.renewals == 3


def test_a_token_as_given_is_sent_as_it_is(shared, monkeypatch):
    platform, server = shared
    asked(connected(platform, server, monkeypatch))
    assert server.renewals == 0


def test_a_file_of_renewed_tokens_is_never_sent_as_a_token(shared, file, monkeypatch):
    platform, server = shared
    asked(opened(platform, server, monkeypatch, f"file:{file}"))
    before = len(server.calls)
    with pytest.raises(ConfigError, match="give client_id and client_secret again"):
        asked(connected(platform, server, monkeypatch, declared={"token": f"file:{file}"}))
    assert len(server.calls) == before


@pytest.mark.parametrize("only", ["client_id", "client_secret"])
def test_an_app_without_its_secret_is_a_mistake(only):
    with pytest.raises(ValueError, match="given together"):
        OceanEngine.options.model_validate({only: "env:APP"})

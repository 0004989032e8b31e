"""Alerts reach mail and webhook once, and once more when they end; one that cannot be sent waits for the next run."""

from __future__ import annotations

import email
import email.policy
import json
import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller

from jobs.alerts.observer import AlertObserver, problems_of
from quanyu.config.settings import load_settings
from quanyu.errors import ConfigError, QuanyuError
from quanyu.run.runner import Outcome, Result, perform, results

TILL = """
describes: Receipts.
owner: retail
reads: {path: "till/{day}.csv", format: csv}
delivers: events
freshness: {hours: 24}
fills:
  products: {sku: sku, product: name}
"""
GOOD = "sku,name\na,A\n"
OBSERVER = AlertObserver()
BASE = "zone: Asia/Shanghai\nregion: CN\ncurrency: CNY\n"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Inbox:
    """Handler of a mail server that records message texts."""

    def __init__(self):
        self.texts = []

    async def handle_DATA(self, server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.texts.append((envelope.rcpt_tos, letter["Subject"], letter.get_content().strip().split("\n")))
        return "250 OK"


@contextmanager
def mail_server(port):
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield inbox
    finally:
        controller.stop()


@contextmanager
def web_server(status=200):
    posts = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            posts.append((self.path, self.headers.get("Authorization"), json.loads(content)))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, posts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def till(retailer):
    retailer.declare("sources/till.yml", TILL)
    return retailer


def run(shop, day):
    """Ingest as a run does, and send alerts."""
    context = shop.context(day)
    with suppress(QuanyuError):
        perform(context, context.step("ingest.till"))
    return OBSERVER.steps_ended(context, results(context))


def test_each_alert_is_mailed_once_and_when_it_is_over(till):
    port = free_port()
    mail = f"mail: {{channel: smtp, host: 127.0.0.1, port: {port}}}\nalerts: {{mail: [ops@shop.test]}}\n"
    till.declare("base.yml", BASE + mail)
    with mail_server(port) as inbox:
        till.land("till/2024-07-01.csv", "no such header\n1\n")
        assert run(till, "2024-07-01") == "Alerts sent: 2 new, 0 over"
        assert run(till, "2024-07-01") == ""
        till.land("till/2024-07-02.csv", GOOD)
        assert run(till, "2024-07-02") == "Alerts sent: 0 new, 1 over"
        till.land("till/2024-07-01.csv", GOOD)
        assert run(till, "2024-07-02") == "Alerts sent: 0 new, 1 over"
        assert run(till, "2024-07-02") == ""
    first, second, third = inbox.texts
    assert first[:2] == (["ops@shop.test"], "Quanyu, 2024-07-01: alerts, 2 new, 0 over")
    assert "nothing has landed yet" in first[2][0]
    assert "a file was refused: till/2024-07-01.csv" in first[2][1]
    assert second[2][0].startswith("over: till: nothing has landed yet")
    assert third[2][0].startswith("over: till: a file was refused: till/2024-07-01.csv")


def test_a_webhook_gets_words_for_people_and_for_programs_and_its_token(till, monkeypatch):
    monkeypatch.setenv("HOOK_TOKEN", "t0ken")
    with web_server() as (port, posts):
        till.declare("base.yml", f"{BASE}alerts: {{webhook: 'http://127.0.0.1:{port}/hook', token: env:HOOK_TOKEN}}\n")
        run(till, "2024-07-01")
        till.land("till/2024-07-01.csv", GOOD)
        run(till, "2024-07-01")
    (path, token, late), (_, _, over) = posts
    assert (path, token) == ("/hook", "Bearer t0ken")
    [alert] = late["alerts"]
    assert (alert["step"], alert["since"], alert["over"]) == ("ingest.till", "2024-07-01", False)
    assert "nothing has landed yet" in late["text"]
    assert over["alerts"][0]["over"]


def test_a_wecom_robot_gets_only_the_text(till, monkeypatch):
    with web_server() as (port, posts):
        monkeypatch.setenv("ROBOT", f"http://127.0.0.1:{port}/send?key=1")
        till.declare("base.yml", f"{BASE}alerts: {{webhook: env:ROBOT, form: wecom}}\n")
        run(till, "2024-07-01")
    [(path, _, content)] = posts
    assert path == "/send?key=1"
    assert content["msgtype"] == "text"
    assert "nothing has landed yet" in content["text"]["content"]


@pytest.mark.parametrize("status", [500, 404, 302])
def test_an_alert_that_cannot_be_sent_fails_nothing_and_is_sent_by_the_next_run(till, status):
    with web_server(status) as (port, posts):
        till.declare("base.yml", f"{BASE}alerts: {{webhook: 'http://127.0.0.1:{port}'}}\n")
        assert "the next run tries again" in run(till, "2024-07-01")
    assert "the next run tries again" in run(till, "2024-07-01")
    assert len(posts) == 1
    with web_server() as (port, posts):
        till.declare("base.yml", f"{BASE}alerts: {{webhook: 'http://127.0.0.1:{port}'}}\n")
        assert run(till, "2024-07-01") == "Alerts sent: 1 new, 0 over"
    assert "nothing has landed yet" in posts[0][2]["text"]


def test_an_alert_that_was_never_sent_ends_without_a_message(till):
    run(till, "2024-07-01")
    till.land("till/2024-07-01.csv", GOOD)
    run(till, "2024-07-01")
    assert till.context("2024-07-01").store.alerts.to_notify() == []


def test_a_run_for_an_earlier_day_ends_no_alert(till):
    till.land("till/2024-07-01.csv", GOOD)
    run(till, "2024-07-09")
    run(till, "2024-07-01")
    [late] = till.context("2024-07-09").store.alerts.to_notify()
    assert (late.key, late.has_ended) == ("late", False)


def test_a_run_that_does_not_send_sends_no_alerts(till):
    context = till.context("2024-07-01")
    context.sends = False
    assert OBSERVER.steps_ended(context, [Result("send", "stopped", 1, Outcome(), "no server", "RetryableError")]) == ""
    assert context.store.alerts.to_notify() == []


def test_a_mistake_in_a_declaration_is_alerted_once_and_ends_when_a_step_runs(till):
    with web_server() as (port, posts):
        till.declare("base.yml", f"{BASE}alerts: {{webhook: 'http://127.0.0.1:{port}'}}\n")
        till.land("till/2024-07-01.csv", GOOD)
        for _ in range(2):
            OBSERVER.declarations_rejected(till.context("2024-07-01"), "audiences/wrong.yml: purpose: is missing")
        assert run(till, "2024-07-01") == "Alerts sent: 0 new, 1 over"
    first, second = (content["text"].splitlines()[1] for _, _, content in posts)
    assert first == "no step runs; you must act: audiences/wrong.yml: purpose: is missing"
    assert second == f"over: {first}"


def test_stopped_steps_and_held_messages_are_alerts():
    stopped = Result("send", "stopped", 1, Outcome(), "secret env:X is not set", "ConfigError")
    assert problems_of(stopped) == {"stopped": "send stopped; you must act: secret env:X is not set"}
    outcome = Outcome(alerts={"held": "31 messages on hold: consents is late"})
    assert problems_of(Result("send", "done", 1, outcome)) == {"held": "send: 31 messages on hold: consents is late"}
    assert problems_of(Result("send", "done", 1, Outcome())) == {}


@pytest.mark.parametrize("hook", ["http://hooks.example/1", "ftp://hooks.example", "hooks.example"])
def test_a_webhook_is_encrypted_unless_it_is_on_this_machine(retailer, hook):
    retailer.declare("base.yml", f"{BASE}alerts: {{webhook: '{hook}'}}\n")
    with pytest.raises(ConfigError, match=r"alerts\.webhook: .* a webhook begins with https://"):
        load_settings(retailer.conf, retailer.home)


def test_a_webhook_given_by_reference_is_resolved_when_it_is_used(till, monkeypatch):
    monkeypatch.setenv("ROBOT", "http://hooks.example/1?key=secret")
    till.declare("base.yml", f"{BASE}alerts: {{webhook: env:ROBOT}}\n")
    words = run(till, "2024-07-01")
    assert "a webhook begins with https://" in words
    assert "secret" not in words

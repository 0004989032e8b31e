import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from quanyu.errors import ConfigError, RejectedError, RetryableError
from quanyu.files import STAGING, folder, open_bucket, s3

KEYS = {"access_key": "AKIDEXAMPLE", "secret_key": "very-secret-words"}


@pytest.fixture(scope="module")
def endpoint():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    bucket = s3("s3://seeds/base", endpoint_url=address, region="us-east-1", **KEYS)
    bucket._client.create_bucket(Bucket="seeds")
    yield address
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def bucket(request, tmp_path):
    if request.param == "folder":
        return open_bucket(str(tmp_path / "out"))
    address = request.getfixturevalue("endpoint")
    return open_bucket(f"s3://seeds/{tmp_path.name}", endpoint_url=address, region="us-east-1", **KEYS)


def test_what_is_put_is_got_listed_and_deleted(bucket):
    bucket.put("winback/2011-09-10/b", b"2")
    bucket.put("winback/2011-09-10/a", b"1")
    bucket.put("winback/2011-09-11/a", b"")
    bucket.put("winback2/x", "值".encode())
    assert bucket.get("winback/2011-09-10/a") == b"1"
    assert bucket.get("winback/2011-09-11/a") == b""
    assert bucket.list("winback/2011-09-10/") == ["winback/2011-09-10/a", "winback/2011-09-10/b"]
    assert bucket.list("winback") == [
        "winback/2011-09-10/a",
        "winback/2011-09-10/b",
        "winback/2011-09-11/a",
        "winback2/x",
    ]
    assert len(bucket.list("")) == 4
    bucket.delete("winback/2011-09-10/a")
    bucket.delete("winback/2011-09-10/a")
    assert bucket.list("winback/2011-09-10") == ["winback/2011-09-10/b"]
    assert bucket.list("nowhere/at/all") == []


def test_a_put_replaces(bucket):
    bucket.put("a", b"old and longer")
    bucket.put("a", b"new")
    assert bucket.get("a") == b"new"


def test_a_file_is_put_by_its_path(bucket, tmp_path):
    source = tmp_path / "part.gz"
    source.write_bytes(os.urandom(3_000_000))
    bucket.put("parts/0", source)
    assert bucket.get("parts/0") == source.read_bytes()


def test_what_is_not_there_is_file_not_found(bucket):
    with pytest.raises(FileNotFoundError):
        bucket.get("nothing")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a\\b", "a\0b", f"{STAGING}/x"])
def test_keys_stay_inside(bucket, key):
    with pytest.raises(ConfigError):
        bucket.put(key, b"x")


def test_s3_lists_more_than_one_page(endpoint, monkeypatch):
    bucket = s3("s3://seeds/many", endpoint_url=endpoint, region="us-east-1", **KEYS)
    for number in range(5):
        bucket.put(f"{number}", b"")
    paginator = bucket._client.get_paginator("list_objects_v2")
    pages = paginator.paginate(Bucket="seeds", Prefix="many/", PaginationConfig={"PageSize": 2})
    monkeypatch.setattr(paginator, "paginate", lambda **_: pages)
    monkeypatch.setattr(bucket._client, "get_paginator", lambda _: paginator)
    assert bucket.list("") == ["0", "1", "2", "3", "4"]


def test_a_missing_bucket_is_rejected_in_words(endpoint, tmp_path):
    bucket = s3("s3://not-made", endpoint_url=endpoint, region="us-east-1", **KEYS)
    (tmp_path / "f").write_bytes(b"x")
    for data in (b"x", tmp_path / "f"):
        with pytest.raises(RejectedError, match="no such bucket"):
            bucket.put("a", data)


@contextmanager
def answering(status: int, code: str):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = f"<Error><Code>{code}</Code><Message>key very-secret-words</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AccessDenied", RejectedError),
        (403, "InvalidAccessKeyId", RejectedError),
        (404, "NoSuchBucket", RejectedError),
        (400, "MalformedXML", RejectedError),
        (400, "RequestTimeout", RetryableError),
        (429, "TooManyRequests", RetryableError),
        (503, "SlowDown", RetryableError),
        (500, "InternalError", RetryableError),
    ],
)
def test_s3_answers_become_errors_in_words(status, code, expected, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    with answering(status, code) as address:
        bucket = s3("s3://seeds", endpoint_url=address, region="us-east-1", **KEYS)
        for act in (lambda: bucket.put("a", b"x"), lambda: bucket.get("a"), lambda: bucket.list("")):
            with pytest.raises(expected) as error:
                act()
            assert "s3://seeds" in str(error.value)
            assert not any(secret in str(error.value) for secret in KEYS.values())


def test_nobody_listening_is_retryable(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    with socket.socket() as unanswered:
        unanswered.bind(("127.0.0.1", 0))
        bucket = s3("s3://seeds", endpoint_url=f"http://127.0.0.1:{unanswered.getsockname()[1]}", region="x", **KEYS)
        with pytest.raises(RetryableError, match="did not answer"):
            bucket.get("a")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("ftp://host/x", {}),
        ("s3:///prefix", {}),
        ("s3://b", {"access_key": "only one"}),
        ("s3://b", {"endpoint_url": "not a url", **KEYS}),
    ],
)
def test_wrong_destinations_are_reported_in_words(url, options):
    with pytest.raises(ConfigError):
        open_bucket(url, **options)


def test_a_folder_by_url_or_path(tmp_path):
    assert open_bucket(f"file://{tmp_path}/x").location == open_bucket(f"{tmp_path}/x").location == f"{tmp_path}/x"


def test_a_folder_that_is_a_file_is_reported_in_words(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be written"):
        folder(tmp_path / "file")


def test_a_kill_while_writing_leaves_the_old_file(tmp_path):
    bucket = folder(tmp_path)
    bucket.put("a", b"old")
    code = (
        "import sys, os, quanyu.files as f\n"
        "f.os.fsync = lambda _: (print('writing', flush=True), __import__('time').sleep(60))\n"
        "f.folder(sys.argv[1]).put('a', b'new')"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"writing\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert (bucket.get("a"), bucket.list("")) == (b"old", ["a"])
    [left] = (tmp_path / STAGING).iterdir()
    os.utime(left, (time.time() - 90_000,) * 2)
    folder(tmp_path)
    assert list((tmp_path / STAGING).iterdir()) == []

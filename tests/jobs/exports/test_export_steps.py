import gzip
import hashlib
import json
from datetime import date
from types import SimpleNamespace

import pytest

from jobs.exports import steps as exports
from jobs.exports.hashing import Form
from jobs.exports.platforms.drop import Drop
from jobs.exports.steps import Counted, destination, platforms, shaped
from quanyu.audience import Audience
from quanyu.errors import ConfigError, RejectedError
from quanyu.lake.receipt import Receipt
from quanyu.settings import Settings
from quanyu.store import Store

DAY = date(2011, 9, 10)
NOTHING = "nothing exported: no consent on record"


class Clear(Drop):
    """Shows values as they are, so that a person can read the rows."""

    forms = {"phone": Form("e164_digits", "none"), "email": Form("lower_trim", "none")}


def audience(**more):
    base = {"name": "winback", "file": "winback.yml", "describes": "d", "owner": "o", "goal": "churn_warning"}
    return Audience(**{**base, "who": "value.lapsed", "purpose": "ads", "send_to": ("drop",), **more})


def settings(tmp_path, **drop):
    return Settings(home=tmp_path / "home", conf=tmp_path, data=tmp_path, landing=tmp_path, drop=drop)


@pytest.fixture
def context(tmp_path):
    with Store(f"sqlite:///{tmp_path}/store.db") as store:
        yield SimpleNamespace(settings=settings(tmp_path), store=store, day=DAY)


def receipt():
    return Receipt("export.winback.drop", str(DAY), "r", "d", {"gold/memberships": 3, "gold/customers": 7})


@pytest.mark.parametrize(
    ("phones", "emails", "rows"),
    [
        (["+447700900001"], ["ann@x.org"], [("447700900001", "ann@x.org")]),
        (["+447700900001", "+447700900002"], ["ann@x.org"], [("447700900001", "ann@x.org"), ("447700900002", None)]),
        ([], ["a@x.org", "b@x.org"], [(None, "a@x.org"), (None, "b@x.org")]),
        (["no number"], ["A@x.org", "a@X.org"], [(None, "a@x.org")]),
        (None, [], []),
        (["12"], ["nothing"], []),
    ],
)
def test_identifiers_stand_side_by_side_and_each_of_them_once(phones, emails, rows):
    assert list(shaped(Clear, [{"phone": phones, "email": emails}])) == [rows]


def test_a_kind_that_is_not_wanted_is_not_seen():
    assert list(shaped(Clear, [{"member": ["9"], "email": ["a@x.org"]}])) == [[(None, "a@x.org")]]


@pytest.mark.parametrize(
    ("counted", "notes"),
    [
        (Counted(30, 3, 27), (NOTHING, "27 without consent to ads held back", "3 of the holdout kept out")),
        (Counted(9, 0, 0, 1, 8), ("1 without an identifier that the platform takes",)),
        (Counted(0, 0, 0), ()),
        (Counted(5, 5, 0), ("5 of the holdout kept out",)),
        (Counted(5, 0, 0, 0, 5), ()),
    ],
)
def test_notes_say_who_was_kept_back(counted, notes):
    assert counted.notes(audience()) == notes


def test_there_is_a_step_for_each_audience_and_platform(tmp_path):
    assert platforms() == {"drop": Drop}
    found = {"winback": audience(), "quiet": audience(name="quiet", send_to=())}
    [step] = exports.steps(SimpleNamespace(audiences=found, settings=settings(tmp_path)))
    assert (step.name, step.room, step.as_of, step.writes) == ("export.winback.drop", "exports", True, ())
    [other] = exports.steps(SimpleNamespace(audiences=found, settings=settings(tmp_path, bucket="s3://b")))
    assert other.definition != step.definition


def given(monkeypatch, counted, customers):
    monkeypatch.setattr(exports, "standing", lambda context, audience: None)
    monkeypatch.setattr(exports, "counts", lambda members: counted)
    monkeypatch.setattr(exports, "identified", lambda context, members, kinds: iter(customers))


def test_an_export_counts_everybody_and_is_on_record(context, monkeypatch):
    customers = [{"phone": [], "email": ["ann@x.org", "ann@y.org"]}, {"phone": ["12"], "email": []}]
    given(monkeypatch, Counted(6, 1, 2), customers)
    outcome = exports.export(context, receipt(), audience(), "drop", Drop)
    assert (outcome.rows_in, outcome.rows_out) == (6, 1)
    counts = {"members": 6, "holdout": 1, "without_consent": 2, "without_identifier": 2, "customers": 1}
    location = f"{context.settings.home}/exports/winback/2011-09-10/"
    assert outcome.facts == {**counts, "location": location, "parts": 1, "rows": 2}
    manifest = json.loads((context.settings.home / "exports/winback/2011-09-10/_MANIFEST.json").read_text())
    assert manifest["counts"] | counts == manifest["counts"]
    assert manifest["tables"] == {"gold/memberships": 3, "gold/customers": 7}
    assert manifest["definition"] == audience().digest()
    assert manifest["identifiers"] == ["phone_sha256", "email_sha256"]
    task = context.store.exports.last("winback.drop")
    assert (task.status, task.location, task.receipt["rows"]) == ("delivered", location, 2)


def test_without_consent_the_set_is_empty_and_no_identifier_is_looked_at(context, monkeypatch):
    given(monkeypatch, Counted(27, 0, 27), [{"phone": [], "email": ["ann@x.org"]}])
    outcome = exports.export(context, receipt(), audience(), "drop", Drop)
    assert (outcome.rows_out, outcome.facts["rows"], outcome.facts["parts"]) == (0, 0, 0)
    assert outcome.notes[0] == "nothing exported: no consent on record"
    assert (context.settings.home / "exports/winback/2011-09-10/_SUCCESS").exists()


def test_what_a_platform_refuses_is_on_record(context, monkeypatch):
    given(monkeypatch, Counted(1, 0, 0), [{"email": ["ann@x.org"]}])

    class Refusing(Drop):
        """Refuses."""

        def deliver(self, *args):
            raise RejectedError("the bucket is gone")

    with pytest.raises(RejectedError):
        exports.export(context, receipt(), audience(), "drop", Refusing)
    task = context.store.exports.last("winback.drop")
    assert (task.status, task.receipt["reason"]) == ("failed", "the bucket is gone")


def test_nothing_clear_leaves(context, monkeypatch):
    given(monkeypatch, Counted(1, 0, 0), [{"email": ["ann@x.org"]}])
    exports.export(context, receipt(), audience(), "drop", Drop)
    hashed = hashlib.sha256(b"ann@x.org").hexdigest()
    task = context.store.exports.last("winback.drop")
    assert "ann" not in json.dumps(task.receipt)
    part = context.settings.home / "exports/winback/2011-09-10/part-00000.csv.gz"
    text = gzip.decompress(part.read_bytes()).decode()
    assert text.splitlines() == ["phone_sha256,email_sha256", f",{hashed}"]


def test_the_destination_is_the_bucket_of_the_settings_with_its_secrets(tmp_path, monkeypatch):
    assert destination(settings(tmp_path)).location == str(tmp_path / "home" / "exports")
    monkeypatch.setenv("DROP_ID", "id")
    asked = {"bucket": "s3://seeds/day", "endpoint": "http://127.0.0.1:9", "access_key": "env:DROP_ID"}
    with pytest.raises(ConfigError, match="both access_key and secret_key"):
        destination(settings(tmp_path, **asked))
    monkeypatch.setenv("DROP_KEY", "key")
    assert destination(settings(tmp_path, **asked, secret_key="env:DROP_KEY")).location == "s3://seeds/day"

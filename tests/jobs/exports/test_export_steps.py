import gzip
import hashlib
import json
import shutil
from datetime import date
from types import SimpleNamespace

import pytest
from consents import DAY, customers, declared, inside, land, member, took

from jobs.exports import steps as exports
from jobs.exports.destination import Destination
from jobs.exports.destinations import platforms
from jobs.exports.facts import ReachCounts
from jobs.exports.files.delivery import bucket
from jobs.exports.forms import formed, rows_of_customers
from jobs.exports.hashing import IdFormat
from jobs.exports.platforms.drop import Drop
from quanyu.config.settings import Settings
from quanyu.errors import ConfigError, RejectedError
from quanyu.grammar.audience import Audience
from quanyu.home import home_name
from quanyu.lake.receipt import Receipt
from quanyu.run import audience_days

NOTHING = "nothing exported: no consent on record"


class Clear(Drop):
    """Platform that shows values unhashed, so that a person can read the rows."""

    forms = {"phone": IdFormat("e164_digits", "none"), "email": IdFormat("lower_trim", "none")}


def audience(**more):
    base = {"name": "winback", "file": "winback.yml", "describes": "d", "owner": "o", "goal": "churn_warning"}
    return Audience(**{**base, "who": "value.lapsed", "purpose": "ads", "send_to": ("drop",), **more})


def settings(tmp_path, **drop):
    return Settings(home=tmp_path / "home", conf=tmp_path, data=tmp_path, landing=tmp_path, drop=drop)


ROWS = "customer_id string, kind string, scope string, value string, recorded_on date, reason string"
CUSTOMERS = {
    "one row": ({"phone": ["+447700900001"], "email": ["ann@x.org"]}, [("447700900001", "ann@x.org")]),
    "the newest first": (
        {"phone": ["+447700900001", "+447700900002"], "email": ["ann@x.org"]},
        [("447700900001", "ann@x.org"), ("447700900002", None)],
    ),
    "no phone": ({"email": ["a@x.org", "b@x.org"]}, [(None, "a@x.org"), (None, "b@x.org")]),
    "spellings": ({"phone": ["no number"], "email": ["A@x.org", "a@X.org"]}, [(None, "a@x.org")]),
    "nothing": ({"phone": ["12"], "email": ["nothing"]}, []),
    "another kind": ({"member": ["9"], "email": ["c@x.org"]}, [(None, "c@x.org")]),
}


def addresses(spark):
    """Addresses of a customer per case, the first of each kind the newest."""
    rows = [
        (case, kind, "", value, date(2024, 7, 9 - nth), None)
        for case, (values, _) in CUSTOMERS.items()
        for kind, listed in values.items()
        for nth, value in enumerate(listed)
    ]
    return formed(spark.createDataFrame(rows, ROWS), Clear.forms, {})


def test_identifiers_share_rows_and_each_is_exported_once(spec_session):
    rows = rows_of_customers(addresses(spec_session), ["phone", "email"]).collect()
    expected = {row for _, rows in CUSTOMERS.values() for row in rows}
    assert sorted(map(tuple, rows), key=str) == sorted(expected, key=str)


def test_what_the_platform_takes_no_form_of_is_nothing(spec_session):
    rows = addresses(spec_session).where("formed is null").collect()
    assert sorted((row["kind"], row["value"]) for row in rows) == [
        ("email", "nothing"), ("member", "9"), ("phone", "12"), ("phone", "no number"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("counted", "notes"),
    [
        (ReachCounts(30, 3, 27), (NOTHING, "27 without consent to ads held back", "3 of the holdout left out")),
        (ReachCounts(9, without_identifier=1, customers=8), ("1 without an identifier that the platform accepts",)),
        (ReachCounts(0), ()),
        (ReachCounts(5, 5), ("5 of the holdout left out",)),
        (ReachCounts(5, customers=5), ()),
        (ReachCounts(5, customers=5, shared=2), ("2 have an address withheld that somebody in the holdout shares",)),
    ],
)
def test_notes_say_who_was_held_back(counted, notes):
    assert counted.notes(audience()) == notes


def test_there_is_a_step_for_each_audience_and_platform(tmp_path):
    assert platforms()["drop"] is Drop
    assert {"damopan", "databank", "liveramp", "trade_desk"} <= set(platforms())
    audiences = {"winback": audience(), "quiet": audience(name="quiet", send_to=())}
    step, undeclared = exports.steps(SimpleNamespace(audiences=audiences, settings=settings(tmp_path), platforms={}))
    assert (step.name, step.stage, step.as_of, step.writes) == (
        "export.winback.drop", "exports", True, ("gold/export_members",),
    )  # fmt: skip
    assert undeclared.name == "undeclared_exports"
    other, _ = exports.steps(
        SimpleNamespace(audiences=audiences, settings=settings(tmp_path, bucket="s3://b"), platforms={})
    )
    assert other.definition != step.definition


class Refusing(Drop):
    """Platform that refuses every delivery."""

    def deliver(self, *args):
        raise RejectedError("the bucket is gone")


@pytest.fixture
def shop(tmp_path):
    retailer = declared(tmp_path)
    land(
        retailer,
        "crm",
        DAY,
        *(member(n, f"1391234560{n}") for n in range(1, 5)),
        "M5,,,",
        member(6, email="m1@shop.cn"),
    )
    agreed = [f"M{n},ads,any,2024-06-01,granted" for n in (1, 2, 3, 5, 6)]
    land(retailer, "answers", DAY, *agreed, "M6,ads,any,2024-06-02,withdrawn")
    yield retailer
    retailer.close()


ALL = ("M1", "M2", "M3", "M4", "M5", "M6")


def exported(shop, day=DAY, inside_=ALL, held_out=("M3",), platform=Clear):
    """Export a day, and return the outcome and the rows of the set."""
    context = took(shop, day)
    inside(context, "winback", inside_, held_out)
    return export_again(shop, day, platform)


def export_again(shop, day=DAY, platform=Clear, sends=True):
    context = shop.context(day)
    context.sends = sends
    outcome = exports.export(context, receipt(day), audience(), Destination("drop", platform))
    return outcome, rows_of(shop, day)


def rows_of(shop, day):
    folder = shop.home / "exports" / "quanyu" / "drop" / "winback" / f"dt={day}"
    parts = [gzip.decompress(path.read_bytes()).decode() for path in sorted(folder.glob("run=*/full-*"))]
    return [tuple(line.split(",")) for text in parts for line in text.splitlines()[1:]]


def manifest_of(shop, day=DAY):
    [path] = (shop.home / "exports/quanyu/drop/winback" / f"dt={day}").glob("run=*/_MANIFEST.json")
    return path.read_text()


def receipt(day=DAY):
    return Receipt("export.winback.drop", day, f"r-{day}", "d", {"gold/memberships_customer": 3})


def test_an_export_counts_everybody_and_stores_the_reasons_for_absence(shop):
    outcome, rows = exported(shop)
    # M1 and M6 share an address. It is suppressed, because M6 withdrew.
    assert rows == [("8613912345601", ""), ("8613912345602", "m2@shop.cn")]
    counts = {"members": 6, "holdout": 1, "without_consent": 2, "without_identifier": 1, "customers": 2}
    assert {name: getattr(outcome.facts, name) for name in counts} == counts
    context = shop.context(DAY)
    names = customers(context)
    members = context.lake.rows("gold/export_members").to_pylist()
    assert sorted((names[row["customer_id"]], row["kind"], row["status"], row["reason"] or "") for row in members) == [
        ("M1", "email", "withheld", "withdrew consent to ads on any, by somebody who shows it"),
        ("M1", "phone", "sent", ""),
        ("M2", "email", "sent", ""),
        ("M2", "phone", "sent", ""),
        ("M3", "", "withheld", "held out"),
        ("M4", "", "withheld", "no consent to ads on any"),
        ("M5", "", "withheld", "no phone or email"),
        ("M6", "", "withheld", "withdrew consent to ads on any"),
    ]
    manifest = json.loads(manifest_of(shop))
    assert manifest["counts"] | counts == manifest["counts"]
    assert (manifest["name"], manifest["definition"]) == ("quanyu", audience().digest())
    version = context.lake.version("gold/export_members")
    export_again(shop)
    assert shop.context(DAY).lake.version("gold/export_members") == version


def test_while_consents_are_in_doubt_removals_go_out_and_nobody_is_added(shop):
    exported(shop)
    # On this day the feed of consents is late and the audience has a new member.
    land(shop, "crm", "2024-07-06", member(7, "13912345607"), member(1, "13912345601", "m1@new.cn"))
    land(shop, "answers", "2024-07-02", "M7,ads,any,2024-07-02,granted", "M2,ads,any,2024-07-02,withdrawn")
    outcome, rows = exported(shop, "2024-07-06", (*ALL, "M7"))
    # M1 has a new mailbox, which was never sent, and M2 withdrew.
    assert rows == [("8613912345601", "")] and outcome.facts.not_added == 1
    assert "only removals were exported: answers: the newest day is 2024-07-02" in outcome.notes[0]
    land(shop, "answers", "2024-07-06")
    outcome, rows = exported(shop, "2024-07-06", (*ALL, "M7"))
    assert rows == [("8613912345601", "m1@new.cn"), ("8613912345607", "m7@shop.cn")]


@pytest.mark.long
def test_while_consents_are_in_doubt_a_replaced_number_is_removed_and_the_new_one_is_not_added(shop):
    exported(shop)
    land(shop, "crm", "2024-07-06", member(1, "13912345699"))
    outcome, rows = exported(shop, "2024-07-06")
    assert rows == [("8613912345602", "m2@shop.cn")] and outcome.facts.not_added == 1
    assert "only removals were exported: answers: the newest day is 2024-07-01" in outcome.notes[0]


def test_a_set_that_was_never_delivered_is_not_begun_while_consents_are_in_doubt(shop):
    land(shop, "answers", "2024-07-02")
    took(shop)
    inside(shop.context(DAY), "winback", ALL)
    outcome, rows = export_again(shop, "2024-07-02")
    assert rows == [] and "nothing is exported: answers: 1 landed files are not ingested" in outcome.notes[0]
    assert not (shop.home / "exports").exists()


def test_a_set_that_a_platform_refused_is_not_begun_in_doubt_either(shop):
    with pytest.raises(RejectedError):
        exported(shop, platform=Refusing)
    land(shop, "answers", "2024-07-02")
    outcome, rows = export_again(shop, "2024-07-02")
    assert rows == [] and "nothing is exported" in outcome.notes[0]
    assert not list(shop.home.rglob("_SUCCESS"))


def test_a_run_that_only_computes_adds_nobody(shop):
    exported(shop, inside_=("M1",))
    inside(shop.context(DAY), "winback", ("M1", "M2"))
    outcome, rows = export_again(shop, sends=False)
    assert rows == [("8613912345601", "")] and outcome.facts.not_added == 1


def test_a_copied_home_exports_nothing(shop, tmp_path):
    exported(shop)
    copy = shop.copy(tmp_path / "copy")
    shutil.copy(shop.home / "home.json", copy.home)
    shutil.rmtree(copy.home / "exports")
    outcome, rows = export_again(copy)
    assert rows == [] and outcome.notes[0].startswith("nothing is exported: this home was noted")


def test_a_set_that_a_platform_refuses_is_of_nobody(shop):
    with pytest.raises(RejectedError, match="the bucket is gone"):
        exported(shop, platform=Refusing)
    assert not shop.context(DAY).lake.exists("gold/export_members")


def test_no_identifier_is_exported_in_plain_text(shop):
    outcome, rows = exported(shop, platform=Drop)
    assert hashlib.sha256(b"m2@shop.cn").hexdigest() in {mail for _, mail in rows}
    manifest = manifest_of(shop)
    assert "shop.cn" not in manifest + str(rows) + str(outcome)


def test_the_destination_is_the_bucket_of_the_settings_with_its_secrets(tmp_path, monkeypatch):
    assert bucket(settings(tmp_path)).location == str(tmp_path / "home" / "exports")
    monkeypatch.setenv("DROP_ID", "id")
    asked = {"bucket": "s3://seeds/day", "endpoint": "http://127.0.0.1:9", "access_key": "env:DROP_ID"}
    with pytest.raises(ConfigError, match="both access_key and secret_key"):
        bucket(settings(tmp_path, **asked))
    monkeypatch.setenv("DROP_KEY", "key")
    assert bucket(settings(tmp_path, **asked, secret_key="env:DROP_KEY")).location == "s3://seeds/day"


@pytest.mark.long
def test_a_home_that_is_accepted_exports_the_day_for_which_it_was_held_back(shop, tmp_path):
    text = "describes: d\nowner: o\ngoal: churn_warning\nwho: value.spend >= 0\npurpose: ads\nsend_to: [drop]\n"
    shop.declare("audiences/winback.yml", text)
    inside(took(shop), "winback", ALL)
    audience_days.record_evaluation(shop.context(DAY), "winback", shop.context(DAY).day)
    home_name.record_home(shop.settings)
    copy = shop.copy(tmp_path / "copy")
    shutil.copy(shop.home / "home.json", copy.home)
    assert copy.run(DAY, "export.winback.drop")["export.winback.drop"].rows_out == 0
    home_name.record_home(copy.settings)
    assert copy.run(DAY, "export.winback.drop")["export.winback.drop"].rows_out == len(rows_of(copy, DAY)) > 0

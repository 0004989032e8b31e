"""Accounts on platforms: what is declared, planned, approved, asked again, and withdrawn without a declaration."""

import json
from datetime import date

import pytest
from consents import DAY, declared, inside, land, member, took
from platforms.meta_server import MetaServer
from platforms.tencent import TencentServer
from typer.testing import CliRunner

from jobs.exports import gates, http
from jobs.exports.destination import Destination
from jobs.exports.platforms.drop import Drop
from quanyu.cli import add_commands, app
from quanyu.errors import ConfigError, RejectedError
from quanyu.grammar.audience import Audience
from quanyu.home import home_name
from quanyu.run import audience_days, tasks
from quanyu.store import ExportState

AUDIENCE = "describes: d\nowner: o\ngoal: activate\nwho: value.spend >= 0\npurpose: ads\n"


@pytest.fixture
def meta(monkeypatch):
    monkeypatch.setattr(http, "FIRST_WAIT", 0)
    monkeypatch.setenv("PLATFORM_TOKEN", MetaServer.token)
    with MetaServer(least=0) as server:
        yield server


@pytest.fixture
def shop(tmp_path, meta):
    retailer = declared(tmp_path)
    land(retailer, "crm", DAY, *(member(n, f"1391234560{n}") for n in range(1, 5)))
    land(retailer, "answers", DAY, *(f"M{n},ads,any,2024-06-01,granted" for n in (1, 2, 3)))
    retailer.declare("platforms/meta.yml", meta.declaration("meta"))
    retailer.declare("audiences/winback.yml", AUDIENCE + "send_to: [meta]\napproval: true\n")
    home_name.record_home(retailer.settings)
    evaluated(retailer, DAY, "M1", "M2", "M4")
    yield retailer
    retailer.close()


def evaluated(shop, day, *members):
    context = took(shop, day)
    inside(context, "winback", members)
    audience_days.record_evaluation(context, "winback", date.fromisoformat(day))
    context.store.unchanged_runs.save("memberships.customer", "", {"day": day})
    context.store.unchanged_runs.save("memberships.customer", day, {"day": day})


def said(shop, *words):
    """What a command prints, on one line."""
    line = ["export", *words, "--conf", str(shop.settings.conf), "--home", str(shop.home)]
    add_commands()
    result = CliRunner().invoke(app, line, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def there(shop, server, account="meta"):
    return set(server.members(shop.context(DAY).store.exports.state(f"winback.{account}").audience_id))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("platform: metta\n", "unknown 'metta'; did you mean 'meta'"),
        ("platform: meta\nsend: [phone, fax]\n", "meta takes no 'fax'"),
        ("platform: meta\n", "token: is missing"),
        ("platform: meta\ntoken: secret\n", "a secret is given by reference only"),
        ("platform: tencent\ntoken: env:T\noptions: {apps: 1}\n", "options.apps"),
        (
            "platform: tencent\ntoken: env:T\noptions: {client_id: env:A, client_secret: env:B}\n",
            "file that we may write",
        ),
        ("platform: drop\nresults: true\n", "gives none by an interface"),
    ],
)
def test_a_mistake_in_an_account_is_explained(shop, text, words):
    shop.declare("platforms/other.yml", f'describes: d\nowner: o\naccount: "1"\n{text}')
    with pytest.raises(ConfigError) as error:
        shop.context(DAY).catalogue  # noqa: B018 - loading checks
    assert words in str(error.value)


def test_an_audience_uses_nothing_that_its_account_forbids(shop):
    account = (shop.settings.conf / "platforms" / "meta.yml").read_text(encoding="utf-8")
    shop.declare("platforms/meta.yml", account + "forbidden: [recency, value.spend]\n")
    with pytest.raises(ConfigError, match=r"who: value\.spend decides who is in, and meta forbids its use"):
        shop.context(DAY).catalogue  # noqa: B018 - loading checks
    shop.declare("platforms/meta.yml", account + "forbidden: [recency]\n")
    assert shop.context(DAY).catalogue.platforms["meta"].forbidden == ("recency",)


def test_a_band_holds_additions_until_the_new_size_is_approved():
    about = {
        "file": "a.yml",
        "describes": "d",
        "owner": "o",
        "goal": "care",
        "purpose": "ads",
        "who": "value.spend >= 0",
    }
    audience = Audience.model_validate({**about, "name": "a", "size": {"change": "30 %", "least": 5}})
    destination = Destination("drop", Drop)
    state = ExportState("a.drop", approved=gates.what_is_approved(audience, destination), approved_members=20)
    waits = {
        (customers, before): len(list(gates.limits(audience, destination, given, customers, before)))
        for given, customers, before in [
            (ExportState("a.drop"), 10, 0), (ExportState("a.drop"), 10, 9), (ExportState("a.drop"), 20, 9),
            (ExportState("a.drop"), 4, 5), (state, 20, 3), (state, 25, 3), (state, 28, 3),
        ]
    }  # fmt: skip
    assert waits == {(10, 0): 0, (10, 9): 0, (20, 9): 1, (4, 5): 1, (20, 3): 0, (25, 3): 0, (28, 3): 1}


def test_an_export_waits_for_approval_and_follows_its_declaration(shop, meta):
    outcome = shop.run(DAY, "export.winback.meta")["export.winback.meta"]
    assert "somebody has to approve it first: quanyu export approve winback.meta" in outcome.notes[0]
    assert meta.audiences == {}
    assert "nobody is added: somebody has to approve it first" in said(shop, "plan", "winback.meta")
    assert "restored from a backup" not in said(shop, "plan", "winback.meta")
    shop.context(DAY).store.exports.mark_in_doubt(["winback.meta"], date(2024, 6, 30))
    plan = said(shop, "plan", "winback.meta")
    assert "nobody is added: restored from a backup: what was sent until 2024-06-30 is reconciled first" in plan
    assert "approved with 2 customers" in said(shop, "approve", "winback.meta")
    plan = said(shop, "plan", "winback.meta")
    assert "phone │ added │ 2" in plan and "4, 2.00 for each customer" in plan and "1 (50%); least: 0" in plan
    assert "for each customer: email of 100%, phone of 100%" in plan
    assert "last purchase │ none of them ever bought" in plan and "sameness │ known after its first" in plan
    outcome = shop.run(DAY, "export.winback.meta")["export.winback.meta"]
    assert (outcome.facts.added, outcome.facts.there, outcome.facts.without_consent) == (4, 4, 1)
    assert len(there(shop, meta)) == 4
    assert "winback.meta" in said(shop, "list") and "139" not in said(shop, "list")
    [status] = shop.context(DAY).lake.rows("gold/audience_status").to_pylist()
    assert (status["export"], status["sent"], str(status["asked_on"])) == ("winback.meta", 4, DAY)
    # A changed declaration asks again, and withdrawals go out meanwhile.
    shop.declare("audiences/winback.yml", AUDIENCE + "send_to: [meta]\napproval: true\nholdout: 1 %\n")
    land(shop, "answers", "2024-07-02", "M3,ads,any,2024-07-02,granted", "M2,ads,any,2024-07-02,withdrawn")
    land(shop, "crm", "2024-07-02")
    evaluated(shop, "2024-07-02", "M1", "M2", "M3")
    outcome = shop.run("2024-07-02", "export.winback.meta")["export.winback.meta"]
    assert (outcome.facts.removed, outcome.facts.there, outcome.facts.not_added) == (2, 2, 1)


def test_what_nobody_declares_any_more_is_withdrawn(shop, meta):
    shop.declare("audiences/winback.yml", AUDIENCE + "send_to: [meta]\n")
    shop.run(DAY, "export.winback.meta")
    assert len(there(shop, meta)) == 4
    shop.declare("audiences/other.yml", AUDIENCE + "send_to: [meta]\n")
    (shop.settings.conf / "audiences" / "winback.yml").unlink()
    land(shop, "answers", "2024-07-02", "M2,ads,any,2024-07-02,withdrawn")
    took(shop, "2024-07-02")
    outcome = shop.run("2024-07-02", "undeclared_exports")["undeclared_exports"]
    # The file is gone, which proves nothing of M1; M2 withdrew.
    assert len(there(shop, meta)) == 2 and "winback.meta is not declared any more" in outcome.notes[0]
    shop.declare("audiences/winback.yml", AUDIENCE)
    shop.run("2024-07-02", "undeclared_exports")
    assert there(shop, meta) == set()


def test_of_withdrawals_that_a_platform_always_refuses_somebody_is_told_once(shop, meta, monkeypatch):
    step, days = "export.winback.meta", ("2024-07-02", "2024-07-03")
    shop.declare("audiences/winback.yml", AUDIENCE + "send_to: [meta]\n")
    shop.run(DAY, step)
    for day in days:
        land(shop, "answers", day)
    monkeypatch.setattr(meta, "taken_of", lambda audience, values, adds: set(values) if adds else set())
    evaluated(shop, days[0], "M4")
    outcomes = [shop.run(days[0], step)[step] for _ in range(2)]
    assert [(outcome.run_again, list(outcome.alerts)) for outcome in outcomes] == [
        (True, []), (False, ["refused"]),
    ]  # fmt: skip
    words = "4 withdrawals refused by meta as invalid, so nobody is there by these values: see whether its page agrees"
    assert outcomes[1].alerts["refused"] == words
    assert shop.table("gold/export_sets").column("state").to_pylist() == ["refused"] * 4
    evaluated(shop, days[1], "M4")
    assert shop.run(days[1], step)[step].alerts == {} and shop.table("gold/export_sets").num_rows == 0


def refused(shop, *words):
    line = ["export", *words, "--conf", str(shop.settings.conf), "--home", str(shop.home)]
    add_commands()
    result = CliRunner().invoke(app, line)
    assert isinstance(result.exception, ConfigError)
    return " ".join(str(result.exception).split())


@pytest.mark.long
def test_an_audience_that_somebody_deleted_there_begins_anew(shop, meta):
    shop.declare("audiences/winback.yml", AUDIENCE + "send_to: [meta]\n")
    shop.run(DAY, "export.winback.meta")
    before = there(shop, meta)
    assert len(before) == 4
    assert "is still on meta: delete it there" in refused(shop, "restart", "winback.meta")
    assert "there is no export 'winback.mate'" in refused(shop, "restart", "winback.mate")
    meta.audiences, meta.sets = {"1": {"id": "1", "name": "other", "subtype": "CUSTOM"}}, {"1": set()}
    land(shop, "answers", "2024-07-02", "M2,ads,any,2024-07-02,withdrawn")
    evaluated(shop, "2024-07-02", "M1", "M2", "M4")
    with pytest.raises(RejectedError, match="deleted the audience there: quanyu export restart winback"):
        shop.run("2024-07-02", "export.winback.meta")
    assert "begins anew: 4 values forgotten" in said(shop, "restart", "winback.meta")
    outcome = shop.run("2024-07-02", "export.winback.meta")["export.winback.meta"]
    assert (outcome.facts.added, outcome.facts.there) == (2, 2)
    assert there(shop, meta) < before and len(there(shop, meta)) == 2


def manifests(shop, day):
    """Manifests of the sets of a day, by place."""
    return {str(path.relative_to(shop.home / "exports")): json.loads(path.read_text())
            for path in (shop.home / "exports").rglob(f"dt={day}/run=*/_MANIFEST.json")}  # fmt: skip


@pytest.mark.long
def test_a_set_of_files_that_nobody_declares_any_more_is_emptied_once(shop):
    shelf = 'describes: d\nowner: o\nplatform: drop\naccount: "9"\n'
    shop.declare("platforms/shelf.yml", shelf)
    shop.declare("audiences/winback.yml", AUDIENCE + "send_to: [drop, shelf]\n")
    shop.run(DAY, "export.winback.drop")
    shop.run(DAY, "export.winback.shelf")
    assert [manifest["counts"]["rows"] for manifest in manifests(shop, DAY).values()] == [2, 2]
    # Both files are gone: M2 withdrew, and nothing is proved of M1.
    shop.declare("audiences/other.yml", AUDIENCE)
    (shop.settings.conf / "audiences" / "winback.yml").unlink()
    (shop.settings.conf / "platforms" / "shelf.yml").unlink()
    land(shop, "answers", "2024-07-02", "M2,ads,any,2024-07-02,withdrawn")
    took(shop, "2024-07-02")
    outcome = shop.run("2024-07-02", "undeclared_exports")["undeclared_exports"]
    [(place, manifest)] = manifests(shop, "2024-07-02").items()
    assert place.startswith("quanyu/drop/winback/") and manifest["counts"]["rows"] == 1
    assert manifest["purpose"] == shop.context(DAY).store.exports.state("winback.drop").purpose == "ads"
    assert "winback.drop is not declared any more: 2 withdrawn, 1 row left in" in outcome.notes[0]
    assert outcome.alerts == {"winback.shelf": "winback.shelf: 4 values may be on shelf: restore platforms/shelf.yml"}
    # A run for an earlier day delivers no set that would hide the later one.
    land(shop, "answers", "2024-07-03", "M1,ads,any,2024-07-03,withdrawn")
    took(shop, "2024-07-03")
    outcome = shop.run(DAY, "undeclared_exports")["undeclared_exports"]
    assert "this run is for an earlier day" in outcome.notes[0] and len(manifests(shop, DAY)) == 2
    # Now both are declared, and the audience names neither.
    shop.declare("audiences/winback.yml", AUDIENCE)
    shop.declare("platforms/shelf.yml", shelf)
    outcome = shop.run("2024-07-03", "undeclared_exports")["undeclared_exports"]
    emptied = manifests(shop, "2024-07-03")
    assert {place.split("/")[2] for place in emptied} == {"winback", "9"} and outcome.alerts == {}
    assert all(manifest["problem"].startswith("nobody is left") for manifest in emptied.values())
    land(shop, "answers", "2024-07-04")
    took(shop, "2024-07-04")
    outcome = shop.run("2024-07-04", "undeclared_exports")["undeclared_exports"]
    assert outcome.notes == () and manifests(shop, "2024-07-04") == {}


def test_platforms_are_asked_again_until_they_have_confirmed(shop, monkeypatch):
    with TencentServer(polls=1) as tencent:
        account = tencent.declaration("tencent")
        shop.declare("platforms/tencent.yml", account)
        monkeypatch.setenv("PLATFORM_TOKEN", tencent.token)
        shop.declare("audiences/winback.yml", AUDIENCE + "send_to: [tencent]\n")
        outcome = shop.run(DAY, "export.winback.tencent")["export.winback.tencent"]
        assert outcome.facts.waiting == 2 and outcome.run_again
        monkeypatch.setattr(tasks, "load_settings", lambda: shop.settings)
        monkeypatch.setattr(tasks.preflight, "check", lambda context: None)
        answers = [tasks.exports_confirmed(date.fromisoformat(DAY), f"r-{n}", True) for n in range(4)]
        assert answers[-1] and len(there(shop, tencent, "tencent")) == 2

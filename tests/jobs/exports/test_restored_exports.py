"""A home that was restored from a backup brings its platforms to who should be there, also of what it does not know."""

import pytest
from consents import DAY, declared, inside, land, member, took
from platforms.meta_server import MetaServer
from platforms.tencent import TencentServer
from shop import Retailer
from typer.testing import CliRunner

from jobs.exports import http
from quanyu.cli import add_commands, app
from quanyu.home.backup import back_up, restore
from quanyu.run import audience_days

SERVERS = {"meta": MetaServer, "tencent": TencentServer}
AUDIENCE = "describes: d\nowner: o\ngoal: activate\nwho: value.spend >= 0\npurpose: ads\nsend_to: [shelf]\n"
NEXT, LAST = "2024-07-02", "2024-07-03"


pytestmark = pytest.mark.long


@pytest.fixture(params=["tencent", "meta"])
def server(request, monkeypatch):
    monkeypatch.setattr(http, "FIRST_WAIT", 0)
    kind = SERVERS[request.param]
    monkeypatch.setenv("PLATFORM_TOKEN", kind.token)
    with kind(least=0) if kind is MetaServer else kind() as server:
        server.name = request.param
        yield server


def exported(shop, day, *members):
    context = took(shop, day)
    inside(context, "winback", members)
    audience_days.record_evaluation(context, "winback", context.day)
    return shop.run(day, "export.winback.shelf")["export.winback.shelf"]


def commanded(shop, *words):
    add_commands()
    result = CliRunner().invoke(app, [*words, "--conf", str(shop.settings.conf), "--home", str(shop.home)])
    assert result.exit_code == 0, result.output


def there(server):
    [values] = server.sets.values()
    return set(values)


@pytest.mark.long
def test_who_was_added_since_the_backup_and_withdrew_is_withdrawn_first(tmp_path, server):
    shop = declared(tmp_path / "shop")
    shop.declare("platforms/shelf.yml", server.declaration(server.name, "phone"))
    shop.declare("audiences/winback.yml", AUDIENCE)
    land(shop, "crm", DAY, *(member(n, f"1391234560{n}") for n in range(1, 5)))
    land(shop, "answers", DAY, *(f"M{n},ads,any,2024-06-01,granted" for n in range(1, 5)))
    exported(shop, DAY, "M1", "M2")
    back_up(shop.settings, tmp_path / "kept")
    land(shop, "crm", NEXT, member(3, "13912345699"), member(5, "13912345605"))
    land(shop, "answers", NEXT, "M5,ads,any,2024-07-01,granted")
    exported(shop, NEXT, "M2", "M3", "M4", "M5")
    before = there(server)
    assert len(before) == 4
    shop.close()
    again = Retailer.at(tmp_path / "again")
    again.home.mkdir(parents=True)
    again.conf = shop.conf
    (again.home / "landing").symlink_to(shop.home / "landing")
    restore(again.settings, tmp_path / "kept")
    commanded(again, "home", "accept", "--sent-until", NEXT)
    land(again, "crm", LAST, member(5, "13912345606"))
    land(again, "answers", LAST, "M4,ads,any,2024-07-03,withdrawn", "M1,ads,any,2024-07-03,withdrawn")
    outcome = exported(again, LAST, "M2", "M3", "M4", "M5")
    assert outcome.notes[0].startswith("restored from a backup: ")
    for _ in range(4):
        outcome = again.run(LAST, "export.winback.shelf").get("export.winback.shelf", outcome)
    # M2 and M3 are there as before, M5 by the new phone alone, and M4 not any more.
    assert len(there(server)) == 3 and len(there(server) & before) == 2
    assert outcome.facts.there == 3
    assert again.context(LAST).store.exports.state("winback.shelf").doubted is None
    again.close()

import pytest
import typer
from consents import DAY, declared, land, member, took
from shop import Retailer, template
from typer.testing import CliRunner

from jobs.consent import commands

APP = typer.Typer()
# With a single command, Typer would read its name as an argument.
APP.callback()(lambda: None)
commands.add(APP)


def _first_day(folder):
    retailer = declared(folder)
    land(retailer, "crm", DAY, member(1, "13912345601"))
    land(
        retailer, "answers", DAY, "M1,messages,any,2024-06-01 09:00:00,granted", "M1,messages,sms,2024-06-03,withdrawn"
    )
    land(retailer, "sends", DAY, "a,bounced,2024-06-20 10:00:00,email,M1,m1@shop.cn")
    took(retailer)
    retailer.close()


@pytest.fixture
def shop(tmp_path):
    retailer = Retailer.at(template("consent_command", _first_day)).copy(tmp_path / "shop")
    yield retailer
    retailer.close()


def shown(shop, *more):
    words = ["consent", "member=M1", *more, "--conf", str(shop.conf), "--home", str(shop.home)]
    result = CliRunner().invoke(APP, words, env={"COLUMNS": "150"})
    assert result.exit_code == 0, result.output
    return [[part.strip() for part in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]


def test_every_purpose_and_channel_has_its_answer_and_the_evidence_is_shown(shop):
    rows = shown(shop)
    assert ["messages", "email", "m1@shop.cn", "a message on email bounced"] in rows
    assert ["messages", "sms", "", "withdrew consent to messages on sms"] in rows
    assert ["messages", "phone", "+8613912345601", "yes"] in rows
    assert ["messages", "wecom", "", "no external_userid"] in rows
    assert ["ads", "any", "", "no consent to ads on any"] in rows
    assert ["answers", "messages", "any", "granted", "2024-06-01 09:00:00", ""] in rows
    assert ["sends", "messages", "email", "bounced", "2024-06-20 10:00:00", "a"] in rows


@pytest.mark.long
def test_a_past_day_is_answered_from_the_data_of_that_day(shop):
    land(shop, "answers", "2024-07-02", "M1,messages,any,2024-07-02,withdrawn")
    took(shop, "2024-07-02")
    assert ["messages", "phone", "", "withdrew consent to messages on phone"] in shown(shop)
    assert ["messages", "phone", "+8613912345601", "yes"] in shown(shop, "--day", DAY)

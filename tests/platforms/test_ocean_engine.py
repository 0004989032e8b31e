"""The contract of Ocean Engine, over HTTP with a server of the documented shapes."""

import base64
from datetime import date
from decimal import Decimal
from functools import partial

import pyarrow as pa
import pytest
from platforms import ocean_engine as there
from platforms.contract import batch, batch_of, connected, phones, settled
from platforms.ocean_engine import BAD_FILE, OceanEngineServer, decoded

from jobs.exports.files.dmp_lines import dmp_lines
from jobs.exports.files.zips import zipped
from jobs.exports.platforms import ocean_engine
from jobs.exports.platforms.ocean_engine import OceanEngine
from quanyu.errors import LaterError, RetryableError


@pytest.fixture
def server():
    with OceanEngineServer() as server:
        yield server


@pytest.fixture
def opened(server, monkeypatch):
    """Opens the interface of an account with options."""
    return partial(connected, OceanEngine, server, monkeypatch)


def sent(platform, *numbers, code="winback"):
    audience = platform.open_audience(code, "d")
    assert settled(platform, audience, platform.add(audience, batch_of(*numbers))).state == "done"
    return audience


def test_the_runtime_of_protobuf_reads_the_lines():
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="dmp.proto", package="toutiao.dmp", syntax="proto2")
    item = file.message_type.add(name="IdItem")
    field = descriptor_pb2.FieldDescriptorProto
    item.field.add(name="timestamp", number=1, type=field.TYPE_UINT32, label=field.LABEL_OPTIONAL)
    item.field.add(name="dataType", number=2, type=field.TYPE_INT32, label=field.LABEL_REQUIRED)
    item.field.add(name="id", number=3, type=field.TYPE_STRING, label=field.LABEL_REQUIRED)
    whole = file.message_type.add(name="DmpData")
    whole.field.add(
        name="idList", number=1, type=field.TYPE_MESSAGE, label=field.LABEL_REPEATED, type_name=".toutiao.dmp.IdItem"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName("toutiao.dmp.DmpData"))
    ids = [*phones(*range(20)), "a" * 127, "b" * 128, "c" * 300, "é"]
    lines = b"".join(dmp_lines(pa.array(ids), 6, 10))
    read = [message.FromString(base64.b64decode(line)) for line in lines.splitlines()]
    assert [len(one.idList) for one in read] == [10, 10, 4]
    assert [(one.dataType, one.id) for data in read for one in data.idList] == [(6, text) for text in ids]
    assert list(decoded(zipped("x", lines))) == [(6, text) for text in ids]


def test_a_file_has_lines_of_at_most_ten_thousand_ids_and_the_same_bytes(server, opened):
    platform = opened()
    many = batch_of(*range(10_000), *range(10_000, 20_001))
    for _ in range(2):
        platform.add(platform.open_audience("a", "d"), many)
    first, second = server.paths.values()
    assert first == second
    assert [text for _, text in decoded(first)] == many.values.to_pylist()


def test_the_set_there_follows_adds_and_removes_in_one_data_source(server, opened):
    platform = opened()
    audience = sent(platform, 1, 2, 3)
    again = opened()
    settled(again, audience, again.remove(audience, batch_of(2)))
    settled(again, audience, again.add(audience, batch(["83e9158a4fb54c0e1ef0b238639a23ae"], "device:oaid")))
    assert server.sets[audience] == {*phones(1, 3), "83e9158a4fb54c0e1ef0b238639a23ae"}
    [source] = server.sources.values()
    assert [change["action"] for change in source["change_logs"]] == [0, 2, 1]


@pytest.mark.parametrize("lists_all", [True, False])
def test_a_data_source_is_created_once_though_its_answer_was_lost(server, opened, lists_all):
    server.lists_all, server.polls = lists_all, 5 if lists_all else 0
    platform = opened()
    platform.add("other", batch_of(9))
    server.loses = "/create/"
    with pytest.raises(RetryableError):
        platform.add("winback", batch_of(1))
    opened().add("winback", batch_of(1, 2))
    assert len(server.sources) == 2 and server.sets["winback"] == set(phones(1, 2))


def test_a_data_source_that_is_still_read_is_pending_though_it_cannot_be_listed(server, opened):
    server.lists_all, server.polls = False, 5
    receipt = opened().add("winback", batch_of(1))
    assert opened().poll("winback", receipt.handle).state == "pending"


def test_nothing_is_removed_where_nothing_was_sent(server, opened):
    platform = opened()
    receipt = platform.remove(platform.open_audience("a", "d"), batch_of(1))
    assert (receipt.state, server.sources, server.paths) == ("done", {}, {})
    assert platform.status("a").words == "nothing was sent yet"


def test_long_codes_make_names_of_thirty_characters(server, opened):
    platform = opened()
    names = {platform.open_audience("x" * 40 + end, "d") for end in "ab"} | {platform.open_audience("重新激活", "d")}
    assert len(names) == 3 and max(map(len, names)) == 30


def test_it_is_usable_only_once_published_and_pushed(server, opened):
    platform = opened(target_advertiser_ids=[7, 8])
    audience = platform.open_audience("winback", "d")
    server.polls = 4
    receipt = platform.add(audience, batch_of(*range(8)))
    assert platform.status(audience).state == "parsing"
    settled(platform, audience, receipt)
    status = platform.status(audience)
    assert (status.state, status.matched, status.usable, status.match_rate) == ("usable", 6, 6, 0.75)
    assert status.expires_on == date(2025, 8, 3) and "no interface" in status.words
    assert list(server.pushed_to.values()) == [[7, 8]]


@pytest.mark.parametrize("state", ["published", "pushed"])
def test_the_step_that_it_waits_for_is_taken(server, opened, state):
    platform = opened()
    audience = sent(platform, 1, 2)
    [source] = server.sources.values()
    source[state] = server._time() if state == "published" else True
    platform.publish(audience)
    taken = [call.path.split("/")[-2] for call in server.calls if call.path.split("/")[-2] in ("publish", "push_v2")]
    assert taken == (["push_v2"] if state == "published" else ["publish"])
    assert platform.status(audience).state == "usable"


def test_it_is_published_once_in_24_hours_and_then_again(server, opened):
    platform = opened()
    audience = sent(platform, 1, 2)
    platform.publish(audience)
    settled(platform, audience, platform.add(audience, batch_of(3)))
    platform.publish(audience)
    published = lambda: sum(call.path.endswith("/publish/") for call in server.calls)  # noqa: E731
    assert published() == 1
    assert "last changes are published from" in platform.status(audience).words
    [source] = server.sources.values()
    source["published"] = "2025-02-01 10:00:00"
    platform.publish(audience)
    assert published() == 2 and platform.status(audience).words == ocean_engine.NO_LOOKALIKE


def test_an_ended_audience_fails_with_what_to_do(server, opened):
    platform = opened()
    audience = sent(platform, 1)
    server.sources["ds0"]["ended"] = 26
    assert "send it anew" in platform.status(audience).words


def test_a_file_that_cannot_be_read_fails(server, opened):
    platform = opened()
    audience = sent(platform, 1)
    server.fail_next(BAD_FILE)
    assert settled(platform, audience, platform.add(audience, batch_of(2))).state == "failed"
    assert platform.poll(audience, "tos/other").state == "failed"


def test_the_fifty_first_change_of_a_day_waits(server, opened):
    platform = opened()
    audience = sent(platform, 1)
    [source] = server.sources.values()
    source["change_logs"] *= 50
    with pytest.raises(LaterError, match="tomorrow"):
        platform.add(audience, batch_of(2))


def test_results_are_read_from_maps_of_texts(server, opened):
    server.reports = [
        {"dimensions": {"stat_time_day": f"2025-0{month}-{day:02}", "cdp_project_id": "9"},
         "metrics": {"show_cnt": "900", "click_cnt": "12", "stat_cost": "1234.5", "convert_cnt": "3", "pay": "77.125"}}
        for month in (1, 2) for day in range(1, 29)
    ]  # fmt: skip
    results = list(opened(revenue_metric="pay").results(date(2025, 1, 2), date(2025, 2, 5)))
    assert [len(results), results[0].day, results[-1].day] == [32, date(2025, 1, 2), date(2025, 2, 5)]
    assert (results[0].campaign, results[0].impressions, results[0].clicks, results[0].currency) == (
        "9",
        900,
        12,
        "CNY",
    )
    assert (results[0].cost, results[0].conversions, results[0].revenue) == (
        Decimal("1234.50"), Decimal(3), Decimal("77.12")
    )  # fmt: skip


def test_nothing_leaves_clear_and_the_states_are_those_of_the_platform():
    assert all(form.hash != "none" for form in OceanEngine.forms.values())
    assert there.STATES + "AVAILABLE" == ocean_engine.AVAILABLE

"""What every platform is held to alike, over HTTP with a server of its documented shapes."""

import logging
from random import Random

import pytest
from platforms.contract import CONTRACTS, batch, connected, hashed, insist, settled
from platforms.server import AUTH, BROKEN, LOST, RATE, WELL

from jobs.exports.http import AUTHORISE
from quanyu.errors import RejectedError, RetryableError

REFUSING = [name for name, contract in CONTRACTS.items() if contract.names_refused is not None]
REPLACING = [name for name, contract in CONTRACTS.items() if "replace" in contract.can]


@pytest.fixture(params=CONTRACTS)
def contract(request):
    return CONTRACTS[request.param]


@pytest.fixture
def server(contract):
    with contract.server_of() as server:
        yield server


@pytest.fixture
def interface(contract, server, monkeypatch):
    return connected(contract.platform, server, monkeypatch)


def changed(interface, operation, audience, values, kind="phone"):
    """Send a batch until it is in force."""
    receipt = settled(interface, audience, insist(getattr(interface, operation), audience, batch(values, kind)))
    assert (receipt.state, list(receipt.rejected), receipt.invalid) == ("done", [], 0)


@pytest.mark.parametrize("calls_before", range(4))
def test_an_audience_is_opened_once_though_an_answer_is_lost(contract, server, monkeypatch, calls_before):
    server.fail_next(WELL, calls_before)
    server.fail_next(LOST)
    interface, values = connected(contract.platform, server, monkeypatch), hashed(1, 2, 3)
    audience = insist(interface.open_audience, "churn", "Who may leave us 流失")
    changed(interface, "add", audience, values)
    again = connected(contract.platform, server, monkeypatch)
    assert again.open_audience("churn", "in other words") == audience
    changed(again, "add", audience, values)
    assert len(server.sets) == 1 and server.members(audience) == set(values)
    assert again.open_audience("winback", "") != audience


def test_members_come_and_go_and_what_is_repeated_changes_nothing(server, interface):
    audience, values = interface.open_audience("churn", ""), hashed(*range(12))
    changed(interface, "remove", audience, values)
    for _ in range(2):
        for _ in range(2):
            changed(interface, "add", audience, values)
        assert server.members(audience) == set(values)
        for _ in range(2):
            changed(interface, "remove", audience, values[:4])
        assert server.members(audience) == set(values[4:])


@pytest.mark.parametrize("fault", [RATE, BROKEN, LOST])
def test_a_passing_fault_changes_nothing_in_the_end(server, interface, fault):
    audience, values = interface.open_audience("churn", ""), hashed(*range(12))
    changed(interface, "add", audience, values[:9])
    for operation, some in (("add", values), ("remove", values[:3])):
        before = len(server.calls)
        server.fail_next(fault)
        server.fail_next(WELL)
        server.fail_next(fault)
        changed(interface, operation, audience, some)
        assert len(server.calls) >= before + 2
    assert server.members(audience) == set(values[3:])


@pytest.mark.parametrize("fault", [RATE, BROKEN])
def test_a_platform_that_stays_down_is_asked_again_later(server, interface, fault):
    audience, values = interface.open_audience("churn", ""), hashed(*range(9))
    changed(interface, "add", audience, values)
    for call in (lambda: interface.add(audience, batch(hashed(99))), lambda: interface.remove(audience, batch(values)),
                 lambda: interface.status(audience)):  # fmt: skip
        server.fail_next(fault, 99)
        with pytest.raises(RetryableError):
            call()
        server.recover()
    assert server.members(audience) == set(values)


def test_a_refused_token_is_asked_once_and_says_who_must_act_and_nothing_else(server, interface, caplog):
    caplog.set_level(logging.DEBUG)
    audience, values = interface.open_audience("churn", ""), hashed(*range(9))
    changed(interface, "add", audience, values)
    for call in (lambda: interface.add(audience, batch(hashed(99))), lambda: interface.remove(audience, batch(values)),
                 lambda: interface.status(audience)):  # fmt: skip
        before = len(server.calls)
        server.fail_next(AUTH)
        with pytest.raises(RejectedError, match=AUTHORISE) as refused:
            call()
        words = f"{refused.value}{caplog.text}"
        assert len(server.calls) == before + 1
        assert all(text not in words for text in (server.token, "ann@", "13800138000", *values))
    assert server.members(audience) == set(values)


@pytest.mark.parametrize("contract", REFUSING, indirect=True)
def test_values_that_a_platform_refuses_are_counted_and_not_quoted(contract, server, interface):
    audience, values = interface.open_audience("churn", ""), sorted([*hashed(1, 2), "not-a-hash", "nothing"])
    receipt = settled(interface, audience, interface.add(audience, batch(values)))
    named = contract.names_refused
    assert (receipt.state, len(receipt.rejected), receipt.invalid) == ("done", named, 2 - named)
    assert [values[place] for place in receipt.rejected] == ["not-a-hash"][:named]
    assert server.members(audience) == set(hashed(1, 2)) and "not-a-hash" not in receipt.words


def test_an_audience_is_usable_once_the_platform_knows_enough(server, interface):
    audience, values = interface.open_audience("churn", ""), hashed(*range(60))
    before = interface.status(audience)
    assert before.state in ("parsing", "published") and not before.usable
    changed(interface, "add", audience, values)
    interface.publish(audience)
    status = interface.status(audience)
    assert status.state == "usable" and 0 < status.usable <= status.matched <= 60
    assert status.match_rate is None or 0 < status.match_rate <= 1


@pytest.mark.parametrize("contract", REPLACING, indirect=True)
def test_a_replacement_leaves_those_alone_who_are_in_it(server, interface):
    audience = interface.open_audience("churn", "")
    changed(interface, "add", audience, hashed("old", 3))
    interface.replace(audience, (batch(hashed(*range(first, first + 5))) for first in (0, 5)))
    assert server.members(audience) == set(hashed(*range(10)))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_set_through_random_faults_is_the_one_that_was_wanted(contract, server, monkeypatch, seed):
    rng, people, wanted = Random(seed), hashed(*range(40)), set()
    interface = connected(contract.platform, server, monkeypatch)
    server.faults(Random(seed + 100), 0.35)
    audience = insist(interface.open_audience, "churn", "")
    for _ in range(7):
        today = set(rng.sample(people, rng.randrange(1, len(people))))
        for operation, values in (("remove", wanted - today), ("add", today - wanted)):
            # Now and then a process that knows nothing goes on.
            interface = connected(contract.platform, server, monkeypatch) if rng.random() < 0.15 else interface
            if values:
                changed(interface, operation, audience, sorted(values))
        wanted = today
        assert server.members(audience) == wanted
    assert len(server.sets) == 1 and len(server.calls) > 15


def test_it_declares_itself(contract):
    assert contract.platform.problems() == []
    assert contract.platform.can() == contract.can
    assert contract.platform.url.startswith("https://")

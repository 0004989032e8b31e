"""Words of what stewards see."""

import pytest

from jobs.steward.render import _consents, have_several_values


@pytest.mark.parametrize(
    ("consents", "words"),
    [
        ([], "nothing"),
        (["messages:email", "messages:sms"], "messages (email, sms)"),
        (["ads:any", "ads:email", "messages:email"], "ads (any), messages (email)"),
    ],
)
def test_consents_are_listed_by_purpose(consents, words):
    assert _consents(consents) == words


@pytest.mark.parametrize(
    ("texts", "differ"), [(["female", "", "unknown"], False), (["female", "male"], True), (["", ""], False)]
)
def test_an_unknown_value_differs_from_none(texts, differ):
    assert have_several_values(texts) is differ

"""An expression with several unknown columns names them all, so that one reading of the message is enough."""

from __future__ import annotations

import pytest

from quanyu.expressions import ExpressionError, check_columns, parse


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("amuont > 1", "unknown column 'amuont'; did you mean 'amount'? allowed: amount, channel, store"),
        (
            "amuont > 1 and chanel = 'web' and store = 'x'",
            "unknown columns 'amuont' (did you mean 'amount'?), 'chanel' (did you mean 'channel'?)",
        ),
        (
            "amuont > xyzzy",
            "unknown columns 'amuont' (did you mean 'amount'?), 'xyzzy'; allowed: amount, channel, store",
        ),
    ],
)
def test_all_unknown_columns_are_named(text, words):
    with pytest.raises(ExpressionError) as error:
        check_columns(parse(text), ["amount", "channel", "store"])
    assert str(error.value).endswith(words)

"""Numbers of things in messages."""

import pytest

from quanyu.plurals import is_or_are, number_of


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 rows are"), (1, "1 row is"), (2, "2 rows are"), (1234567, "1,234,567 rows are")]
)
def test_one_thing_is_singular(number, words):
    assert f"{number_of(number, 'row')} {is_or_are(number)}" == words

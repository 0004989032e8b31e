"""docs/expressions.md matches the function table."""

from pathlib import Path

from quanyu.expressions.functions.reference import markdown

PAGE = Path(__file__).parents[3] / "docs" / "expressions.md"


def test_the_page_is_as_quanyu_expressions_writes_it():
    assert PAGE.read_text(encoding="utf-8") == markdown(), "write it anew: quanyu expressions --out docs/expressions.md"


def test_the_page_shows_no_form_that_only_engines_see():
    assert "{0}" not in markdown()

import pytest
from rich.console import Console

from quanyu.printable import cell, line, printable, spreadsheet


@pytest.mark.parametrize(
    ("value", "shown"),
    [("王·芳", "王·芳"), ("a\x1b[2Jb", r"a\x1b[2Jb"), ("a\u202eb", r"a\u202eb"), ("a\u2066b", r"a\u2066b"),
     ("a\r\nb\tc", r"a\r\nb\tc"), ("a\u2028b", r"a\u2028b"), ("\x9b31m", r"\x9b31m"), ("\udcff", r"\udcff"),
     ("a\u200db", "a\u200db"), (None, "None"), (1.5, "1.5")],
)  # fmt: skip
def test_hidden_characters_are_escaped(value, shown):
    assert printable(value) == shown


def test_ends_of_lines_stay_where_the_message_is_ours():
    assert printable("a\nb\x07", keep="\n") == "a\nb\\x07"


@pytest.mark.parametrize("value", ["[/]", "[bold]x[/bold]", "[link=http://t.co]x[/link]", ":smile:"])
def test_a_value_is_no_markup(value):
    console = Console(width=100)
    with console.capture() as capture:
        console.print(cell(value), line("a ", (value, "bold")))
    assert capture.get() == f"{value} a {value}\n"


@pytest.mark.parametrize("value", ["=1+1", "+8613800138000", "-1", "@sum", "\tx", "\rx"])
def test_a_spreadsheet_takes_no_text_for_a_formula(value):
    assert spreadsheet(value) == f"'{value}"


@pytest.mark.parametrize("value", [None, "", "a=1", "1-2", "王"])
def test_other_texts_stay_as_they_are(value):
    assert spreadsheet(value) == value

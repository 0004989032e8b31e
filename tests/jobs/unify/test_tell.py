"""How long values and control characters are rendered for the terminal."""

import io

from rich.console import Console

from jobs.steward.render import _grid


def test_a_long_value_is_printed_completely_on_a_narrow_screen():
    console = Console(width=44, file=io.StringIO(), record=True)
    console.print(_grid(("identifier", "value"), [["openid", "oQyAj0dLZh8zApdZiLk1bAvGV" * 3]]))
    cells = [line.split("│")[2].strip() for line in console.export_text().splitlines() if line.startswith("│")]
    assert "".join(cells) == "oQyAj0dLZh8zApdZiLk1bAvGV" * 3


def test_a_name_that_is_markup_or_a_control_sequence_is_shown_as_it_is():
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(_grid(("record", "name"), [["crm/1", "[/]"], ["crm/2", "a\x1b]0;x\x07\u202eb"]]))
    text = console.export_text()
    assert "[/]" in text and r"a\x1b]0;x\x07\u202eb" in text

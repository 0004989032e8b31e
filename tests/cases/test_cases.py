"""The checks of the cases are well-formed, and the cases that must be right are right."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from case_check import HERE, Check, Right, as_texts, checks, expected_right
from case_home import CaseHome
from case_verdicts import Verdict, folder_of_cases, judge
from case_views import Evidence, evidence

from quanyu.grammar.journey import Journey

CHECKS = checks()
OLD_FORM = {
    "sources/news.yml": 'reads: {path: "n/{day}.csv", format: csv}\nfills:\n  orders: {order_id: "no"}\n',
    "sources/answers.yml": 'reads: {path: "a/{day}.csv", format: csv}\nfills:\n  consents: {state: "state"}\n',
    "journeys/care.yml": "enters: care\n",
}


@pytest.mark.parametrize("name", CHECKS)
def test_every_query_of_a_check_is_one_select(name):
    for right in CHECKS[name].right:
        [statement] = duckdb.extract_statements(right.query)
        assert statement.type == duckdb.StatementType.SELECT, right.right


@pytest.mark.parametrize("name", CHECKS)
def test_rows_of_an_answer_have_one_width(name):
    for right in CHECKS[name].right:
        assert len({len(row) for row in right.expected()}) <= 1, right.right


@pytest.mark.parametrize("name", CHECKS)
def test_a_case_is_wrong_in_an_empty_home(name):
    """At least one expected answer has rows that an empty home does not return."""
    assert any(right.answer not in ([], [0]) for right in CHECKS[name].right)


def test_the_cases_that_must_be_right_have_checks():
    assert set(expected_right()) <= set(CHECKS)
    assert expected_right() == sorted(expected_right())


def test_a_check_refers_to_cases_that_have_checks():
    assert {case for check in CHECKS.values() for case in check.beside} <= set(CHECKS)


def test_a_failing_query_is_wrong():
    views = Evidence()
    views.add("mailed", {"address": "varchar"}, [("a@b.cn",), ("c@d.cn",)])
    right = Right(right="two", query="select address from mailed", answer=["c@d.cn", "a@b.cn"])
    assert views.ask(right.query) == right.expected()
    assert not Verdict("x", right, "a@b.cn").is_right
    with pytest.raises(duckdb.Error):
        views.ask("select address from nowhere")


def test_texts_of_rows_are_compared_in_any_order():
    assert as_texts([[2, None], [1, True]]) == [["1", "true"], ["2", "null"]]


def test_old_declarations_get_the_keys_required_today(tmp_path):
    for path, text in OLD_FORM.items():
        file = tmp_path / "case" / "conf" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    home = CaseHome(tmp_path / "laid")
    home.lay([tmp_path / "case"])
    assert (home.conf / "sources/news.yml").read_text().endswith("freshness: none\n")
    assert (home.conf / "sources/answers.yml").read_text().endswith("freshness: {hours: 72}\n")
    assert ("starts: 2024-07-01" in (home.conf / "journeys/care.yml").read_text()) == ("starts" in Journey.model_fields)
    assert (tmp_path / "case/conf/journeys/care.yml").read_text() == OLD_FORM["journeys/care.yml"]


@pytest.mark.long
@pytest.mark.skipif(not folder_of_cases().is_dir(), reason="the cases are not beside the repository")
def test_the_cases_that_must_be_right_are(tmp_path):
    expected: dict[str, Check] = {name: CHECKS[name] for name in expected_right()}
    wrong = [verdict for verdict in judge(expected, folder_of_cases(), tmp_path) if not verdict.is_right]
    assert wrong == []


def test_every_file_of_checks_is_named_after_a_case():
    assert all(file.stem[:2].isdigit() for file in Path(HERE).glob("*.yml"))


def test_every_declared_table_can_be_queried_before_it_is_written(tmp_path):
    home = CaseHome(tmp_path)
    home.lay([])
    views = evidence(home)
    assert views.ask("select count(*) from gold.memberships_customer") == [["0"]]
    assert views.ask("select * from people union all select * from people") == []

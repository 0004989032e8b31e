from datetime import date

import pytest

from ml.churn import Churn
from ml.tasks.binary_classification import BinaryClassification
from quanyu.grammar.model_spec import Baseline, Cutoffs, Estimator, Label, MetricGate, ModelSpec, NoneOf
from quanyu.model.entities import Customer

OPENING = date(2010, 12, 1)


def test_the_calendar_of_a_day():
    day = date(2011, 12, 9)
    assert Churn.test_cutoff(day) == date(2011, 9, 10)
    assert Churn.label.window(date(2011, 9, 10)) == (date(2011, 9, 11), day)
    assert [str(cutoff) for cutoff in Churn.training_cutoffs(day, OPENING)] == [
        "2011-06-12",
        "2011-05-13",
        "2011-04-13",
        "2011-03-14",
        "2011-02-12",
    ]


@pytest.mark.parametrize("day", [date(2011, 9, 10), date(2012, 2, 29), date(2011, 12, 9)])
def test_no_outcome_lies_after_the_day_and_no_training_outcome_after_the_test_cutoff(day):
    assert Churn.label.window(Churn.test_cutoff(day))[1] == day
    cutoffs = Churn.training_cutoffs(day)
    assert len(cutoffs) == 6
    assert all(Churn.label.window(cutoff)[1] <= Churn.test_cutoff(day) for cutoff in cutoffs)


def test_too_early_a_day_has_no_cutoffs():
    assert Churn.training_cutoffs(date(2011, 7, 1), OPENING) == []


def test_training_is_due_seven_days_after_the_last():
    last = date(2011, 9, 10)
    assert Churn.due(last, None)
    assert not Churn.due(date(2011, 9, 16), last)
    assert Churn.due(date(2011, 9, 17), last)
    assert not Churn.due(date(2011, 9, 1), last)


def test_churn_is_declared_without_mistakes():
    assert Churn.problems() == []
    assert (Churn.name, len(Churn.digest())) == ("churn", 16)


def test_a_name_comes_from_the_class():
    class NextBasket(ModelSpec):
        """What comes next."""

    assert NextBasket.name == "next_basket"


def test_the_digest_follows_the_declaration_not_the_owner():
    class Same(Churn):
        """Another description."""

        name, owner = "churn", "someone"

    class Other(Churn):
        """As churn, later."""

        name, label = "churn", NoneOf("orders", 60)

    assert Same.digest() == Churn.digest() != Other.digest()


class Wrong(ModelSpec):
    """Everything about it is wrong."""

    entity, name = Customer, "Wrong Name"
    label = NoneOf("", 0)
    task = BinaryClassification("isotnic")
    features = ("value.orders", "value.orders", "spend")
    cutoffs = Cutoffs(every_days=0, at_most=0, history_days=-1)
    estimator = Estimator("xgbost", rising=("value.order",), falling=("value.order",))
    baseline = Baseline("recency", "more")
    gates = (MetricGate("aux", at_least=0.5), MetricGate("auc"))
    trained_every_days = 0


def test_all_mistakes_are_reported_at_once_with_the_nearest_name():
    messages = "\n".join(map(str, Wrong.problems()))
    for words in (
        "'Wrong Name' is no name",
        "owner: is missing",
        "population: is missing",
        "'spend' is no feature",
        "'value.orders' is given twice",
        "did you mean 'value.orders'",
        "cannot both rise and fall",
        "label.horizon_days: 0",
        "cutoffs.every_days: 0",
        "cutoffs.at_most: 0",
        "cutoffs.history_days: -1",
        "trained_every_days: 0",
        "label.over: is missing",
        "baseline.feature: 'recency'",
        "did you mean 'xgboost'",
        "did you mean 'isotonic'",
        "did you mean 'auc'",
        "'auc' has no bound",
    ):
        assert words in messages


def test_an_empty_declaration_reports_what_it_lacks():
    class Empty(ModelSpec):
        pass

    keys = {problem.key for problem in Empty.problems()}
    names = ("docstring", "entity", "owner", "population", "label", "task", "features", "gates")
    assert keys == {f"empty.{name}" for name in names}


def test_a_model_fits_its_task():
    class Spend(Wrong):
        """What they spend."""

        label, baseline, task = Label("orders", 90, value="sum(amount)"), None, BinaryClassification()

    messages = "\n".join(map(str, Spend.problems()))
    assert "label: BinaryClassification learns a label of the kind NoneOf" in messages
    assert "baseline: is missing: name a feature" in messages


def test_a_task_is_written_with_brackets():
    class Same(Churn):
        """As churn."""

        task = BinaryClassification

    [problem] = Same.problems()
    assert problem.key == "same.task" and "write one with brackets" in str(problem)


@pytest.mark.parametrize(
    ("gate", "value", "passes"),
    [
        (MetricGate("auc", at_least=0.6), 0.6, True),
        (MetricGate("auc", at_least=0.6), 0.599, False),
        (MetricGate("ece", at_most=0.1), 0.1, True),
        (MetricGate("ece", at_most=0.1), 0.11, False),
        (MetricGate("auc", at_least=0.6, at_most=0.9), 0.95, False),
        (MetricGate("auc", at_least=0.6), float("nan"), False),
        (MetricGate("ece", at_most=0.1), None, False),
    ],
)
def test_gates(gate, value, passes):
    assert gate.passes(value) is passes

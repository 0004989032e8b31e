"""A champion scores only what it was trained for; another definition means to train now, and until then no score."""

from dataclasses import replace

import pytest
from visitors import DAY, changed, opened, scored, trained

from ml.lifecycle.champions.meaning import meaning
from ml.lifecycle.champions.versions import promote_by_hand
from ml.lifecycle.frames import dataset
from ml.lifecycle.registry import Registry
from ml.lifecycle.scoring import scores
from quanyu.run import audience_days


@pytest.fixture
def shop(retailer, monkeypatch):
    return opened(retailer, monkeypatch)


def meanings(shop):
    catalogue = shop.context(DAY).catalogue
    return {name: meaning(catalogue, catalogue.models[name]) for name in ("leaving", "staying")}


FILES = {"features": "features/visits.py", "models": "ml/visitors.py"}


@pytest.mark.parametrize(
    ("file", "old", "new", "differs"),
    [
        ("features", '"sum(amount)"', '"max(amount)"', {"leaving", "staying"}),
        ("features", "within=90", "within=80", {"leaving"}),
        ("features", "kind = 'purchase'", "kind = 'return'", {"leaving", "staying"}),
        ("features", "Money spent.", "Sum of money.", set()),
        ("features", 'zh="来访"', 'zh="访问"', set()),
        ("models", "NoneOf(\"orders\", 30, where=\"kind = 'purchase'\")", 'NoneOf("orders", 30)',
         {"leaving", "staying"}),
        ("models", '("visits.visits", "visits.spend")', '("visits.visits",)', {"staying"}),
        ("models", "visits.visits > 0", "visits.visits > 1", {"leaving", "staying"}),
        ("models", "by money", "by amount", set()),
    ],
)  # fmt: skip
def test_the_meaning_of_a_model_is_its_declaration_and_the_definitions_of_what_it_names(shop, file, old, new, differs):
    before = meanings(shop)
    changed(shop, FILES[file], old, new)
    after = meanings(shop)
    assert {name for name in before if before[name] != after[name]} == differs


def test_a_tag_and_a_named_condition_are_part_of_the_meaning(shop, monkeypatch):
    rich = "{rich: {when: visits.spend > 9, means: Rich.}}"
    tags = f"{{describes: Wealth., owner: growth, entity: customer, tags: {rich}}}"
    shop.declare("tags/wealth.yml", tags)
    changed(shop, FILES["models"], 'population = Customer, "growth", "visits.visits > 0"',
            'population = Customer, "growth", "wealth.rich"')  # fmt: skip
    changed(shop, FILES["models"], "where=\"kind = 'purchase'\"", 'where="purchase"')
    before = meanings(shop)
    changed(shop, "tags/wealth.yml", "visits.spend > 9", "visits.spend > 8")
    assert meanings(shop) != before
    catalogue = shop.context(DAY).catalogue
    orders, now = catalogue.tables["orders"], meaning(catalogue, catalogue.models["leaving"])
    conditions = {**orders.conditions, "purchase": replace(orders.conditions["purchase"], sql="kind = 'sale'")}
    monkeypatch.setattr(orders, "conditions", conditions)
    assert meaning(catalogue, catalogue.models["leaving"]) != now


def test_a_changed_feature_is_trained_now_and_has_no_score_until_then_and_the_other_model_goes_on(shop):
    trained(shop)
    assert scored(shop)[0] == {"leaving": (200, {"1"}), "staying": (200, {"1"})}
    changed(shop, FILES["features"], "within=90", "within=80")
    rows, outcome = scored(shop, "2024-07-02")
    assert rows == {"staying": (200, {"1"})}
    [note] = [note for note in outcome.notes if note.startswith("leaving")]
    assert "declared otherwise than its champion, version 1 of 2024-07-01" in note and "train.leaving --force" in note
    leaving, staying = trained(shop, "2024-07-02")
    assert leaving.startswith("leaving version 2: champion") and "trained now: it is declared otherwise" in leaving
    assert staying == "staying: trained on 2024-07-01; next training 7 days later"
    assert scored(shop, "2024-07-02")[0] == {"leaving": (200, {"2"}), "staying": (200, {"1"})}


def test_audiences_wait_for_a_model_that_had_scores_and_not_for_one_that_never_had(shop):
    names = ["leaving", "staying", "churn"]
    scored(shop)
    assert audience_days.models_without_scores(shop.context(DAY), names) == "", "nobody has entered by them yet"
    trained(shop)
    scored(shop)
    assert audience_days.models_without_scores(shop.context(DAY), names) == ""
    changed(shop, FILES["features"], "within=90", "within=80")
    scored(shop, "2024-07-02")
    words = audience_days.models_without_scores(shop.context("2024-07-02"), names)
    assert words.startswith("leaving has no scores: it is declared otherwise") and "staying" not in words
    trained(shop, "2024-07-02")
    scored(shop, "2024-07-02")
    assert audience_days.models_without_scores(shop.context("2024-07-02"), names) == ""


def test_on_the_same_day_too(shop):
    trained(shop)
    changed(shop, FILES["models"], "visits.visits > 0", "visits.visits > 1")
    assert all("version 2: champion" in note for note in trained(shop))
    assert scored(shop)[0] == {"leaving": (200, {"2"}), "staying": (200, {"2"})}


def test_a_renamed_feature_and_a_changed_label_have_no_score_before_a_training(shop):
    trained(shop)
    changed(shop, FILES["features"], "visits_90d", "visits_quarter")
    changed(shop, FILES["models"], "visits_90d", "visits_quarter")
    assert scored(shop, "2024-07-02")[0] == {"staying": (200, {"1"})}
    changed(shop, FILES["models"], '"orders", 30', '"orders", 60')
    rows, outcome = scored(shop, "2024-07-03")
    assert rows == {} and sum("declared otherwise" in note for note in outcome.notes) == 2


def test_a_version_of_the_new_meaning_that_fails_its_gates_leaves_no_score(shop):
    trained(shop)
    changed(shop, FILES["models"], "at_least=0.6", "at_least=0.999")
    assert all("no champion, gates failed: auc >= 0.999" in note for note in trained(shop, "2024-07-02"))
    assert scored(shop, "2024-07-02")[0] == {}
    assert all("version 3" in note for note in trained(shop, "2024-07-03")), "it is tried daily until one passes"


def test_a_model_that_never_passed_is_tried_weekly(shop):
    changed(shop, FILES["models"], "at_least=0.6", "at_least=0.999")
    assert all("no champion, gates failed" in note for note in trained(shop))
    words = "trained on 2024-07-01, and no version has passed its gates; next training 7 days later"
    assert trained(shop, "2024-07-02") == [f"leaving: {words}", f"staying: {words}"]
    assert all("version 2: no champion" in note for note in trained(shop, "2024-07-08"))


def test_a_failing_model_is_named_and_does_not_stop_the_other(shop, monkeypatch):
    trained(shop)

    def broken(champion, spec, *more):
        if spec.name == "leaving":
            raise KeyError("secret")
        return whole(champion, spec, *more)

    whole = scores.scored
    with monkeypatch.context() as patch:
        patch.setattr(scores, "scored", broken)
        rows, outcome = scored(shop)
        assert rows == {"staying": (200, {"1"})}
        assert "leaving: not scored by version 1" in "".join(outcome.alerts.values())
        assert "secret" not in str(outcome)
    assert scored(shop)[0] == {"leaving": (200, {"1"}), "staying": (200, {"1"})}, "the next run tries again"


def test_a_champion_of_another_meaning_is_no_yardstick(shop):
    registry = Registry.of(shop.settings)

    def compared():
        return "over_champion" in registry.metrics(registry.versions("leaving")[0])

    trained(shop, DAY, "leaving")
    trained(shop, "2024-07-02", "leaving", force=True)
    assert compared()
    changed(shop, FILES["models"], '"orders", 30', '"orders", 60')
    assert "version 3: champion" in trained(shop, "2024-07-03", "leaving")[0]
    assert not compared()


def test_force_trains(shop):
    trained(shop)
    assert trained(shop, "2024-07-02", "leaving") == ["leaving: trained on 2024-07-01; next training 7 days later"]
    [note] = trained(shop, "2024-07-02", "leaving", force=True)
    assert note.startswith("leaving version 2: champion") and note.endswith("trained now: --force")


def test_a_population_of_nobody_has_no_scores(shop, monkeypatch):
    trained(shop)
    empty = lambda context, spec: stored(context, spec).head(0)  # noqa: E731
    stored = dataset.stored
    monkeypatch.setattr(dataset, "stored", empty)
    assert scored(shop)[0] == {}


@pytest.mark.parametrize("call", ["set_registered_model_alias", "delete_model_version_tag"])
def test_a_training_that_was_killed_before_its_alias_is_finished_by_the_next_run(shop, monkeypatch, call):
    import mlflow

    class Killed(BaseException):
        pass

    def killed(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, call, killed)
        with pytest.raises(Killed):
            shop.run(DAY, "train.leaving")
    [note, due] = trained(shop, "2024-07-02", "leaving")
    assert note.startswith(f"leaving version 1: champion, as the training of {DAY} was stopped")
    assert due == f"leaving: trained on {DAY}; next training 7 days later"
    assert scored(shop, "2024-07-02")[0] == {"leaving": (200, {"1"})}
    assert len(trained(shop, "2024-07-03", "leaving")) == 1, "it is finished once"


def test_what_a_person_decided_is_not_decided_again(shop):
    for day in (DAY, "2024-07-02", "2024-07-03"):
        trained(shop, day, "leaving", force=True)
    with Registry.of(shop.settings).client() as client:
        for number in (2, 1):
            promote_by_hand(client, "leaving", number, "ann", "it was better", anyway=False)
    trained(shop, "2024-07-04", "leaving")
    assert Registry.of(shop.settings).champion("leaving").version == 1

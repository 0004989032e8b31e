"""Adding a thing is one new file, in a conf folder or in the house, and nothing else is edited."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pyarrow.compute as pc
import pytest
from shop import small_shop
from small_day import crowned

from ml.lifecycle.registry import Registry
from quanyu import discover
from quanyu.config.settings import load_settings
from quanyu.errors import ConfigError
from quanyu.point_in_time.profiles import profiles

ROOT = Path(__file__).parents[1]
# A task that is no binary classification: a number, compared with the mean.
REGRESSION = '''
    """Regression."""
    from dataclasses import dataclass

    from ml.lifecycle.boosting import BoostedTrees, Boosting
    from ml.lifecycle.train import outcomes
    from quanyu.grammar.table import Column
    from quanyu.grammar.task import Task

    @dataclass(frozen=True)
    class Regression(Task):
        """A number, compared with the mean of those that it learned from."""
        columns = {"spending": Column("double", "Expected spending.", unit="currency")}
        metrics = ("mae", "mae_of_mean", "mae_below_mean")
        headings = {"mae": "MAE", "mae_of_mean": "MAE of the mean"}

        def fit(self, spec, examples, nthread, seed):
            boosting = Boosting(spec, "reg:absoluteerror", nthread, seed)
            return BoostedTrees(spec.features, boosting.fit(examples.matrix, examples.labels), {})

        def evaluate(self, spec, predictions, test, facts):
            labels = outcomes(test)
            mae, of_mean = abs(labels - predictions).mean(), abs(labels - facts["mean_label"]).mean()
            return {"mae": mae, "mae_of_mean": of_mean, "mae_below_mean": of_mean - mae}
'''
SPEND = '''
    """What customers will spend."""
    from quanyu.grammar.model_spec import Cutoffs, Label, MetricGate, ModelSpec
    from quanyu.model.entities import Customer

    from .tasks.regression import Regression

    class Spend(ModelSpec):
        """What a customer spends in the next 14 days."""
        entity, owner, population = Customer, "growth", "value.orders > 0"
        label = Label("orders", horizon_days=14, where="kind = 'purchase'", value="sum(amount)")
        task = Regression()
        features = ("value.spend", "value.orders", "recency.days_since_order")
        cutoffs = Cutoffs(every_days=7, at_most=3, history_days=14)
        gates = (MetricGate("test_rows", at_least=20), MetricGate("mae", at_most=1000))

    class Perfect(Spend):
        """As Spend, but no model is so good."""
        gates = (MetricGate("mae", at_most=0),)
'''
POINTS = '''
    """Points of the loyalty programme."""
    from quanyu.grammar.table import HAPPENED, Column, Table

    class Points(Table):
        """Points that a member earned or spent."""
        layer, keys, personal, event_time, owner = "silver", ("entry",), True, "booked_at", "loyalty"
        entry = Column("string", "Number of the entry.", required=True)
        booked_at = Column("timestamp", "When they were booked.", required=True, days=HAPPENED)
        points = Column("bigint", "Points, negative if they were spent.", unit="points")
'''
FILES = {
    "sources/stall.yml": """
        describes: A market stall.
        owner: retail
        reads: {path: "stall/{day}.csv", format: csv}
        delivers: events
        freshness: none
        fills:
          orders: {order_id: slip, ordered_at: at, kind: "'purchase'", status: "'paid'", amount: paid}
    """,
    "tables/people.yml": """
        describes: What our cards say.
        owner: crm
        columns:
          hobby: {type: string, means: Hobby of the member., personal: true}
    """,
    "features/campaigns.py": '''
        """Campaigns as an entity, and how many they reach."""
        from quanyu.grammar.entity import Entity
        from quanyu.grammar.feature import Feature, FeatureView, days
        from quanyu.model.touch import Campaigns, Messages

        class Campaign(Entity):
            """A campaign."""
            table, key = Campaigns, "campaign"

        class CampaignReach(FeatureView):
            """How many messages a campaign sends."""
            entity, owner, over, within = Campaign, "growth", Messages, days(30)
            messages = Feature("count(distinct message_id)", "Messages.", unit="messages")
    ''',
    "tags/campaigns_by_size.yml": """
        describes: How large a campaign is.
        owner: growth
        entity: campaign
        tags:
          large: {when: campaign_reach.messages >= 1000, means: Sent 1000 messages or more.}
    """,
    "tables/points.py": POINTS,
    "sources/loyalty.yml": """
        describes: The loyalty programme.
        owner: loyalty
        reads: {path: "loyalty/{day}.csv", format: csv}
        delivers: events
        freshness: none
        person:
          - {kind: member, scope: brand, value: card}
        fills:
          points: {entry: slip, booked_at: at, points: earned}
    """,
    "features/loyalty.py": '''
        """What members do with points."""
        from quanyu.grammar.feature import Feature, FeatureView
        from quanyu.model.entities import Customer

        from ..tables.points import Points

        class Balance(FeatureView):
            """Points of a customer."""
            entity, owner, over = Customer, "loyalty", Points
            points = Feature("sum(points)", "Points that are left.", unit="points")
    ''',
    "ml/tasks/regression.py": REGRESSION,
    "ml/spend.py": SPEND,
    "ml/reorder.py": '''
        """Who orders again."""
        from ml.tasks.binary_classification import BinaryClassification
        from quanyu.grammar.model_spec import Baseline, MetricGate, ModelSpec, NoneOf
        from quanyu.model.entities import Customer

        class Reorder(ModelSpec):
            """No second order within 60 days."""
            entity, owner, population = Customer, "growth", "second_order.one_timer"
            label = NoneOf("orders", horizon_days=60, where="kind = 'purchase'")
            task = BinaryClassification()
            features = ("value.spend", "retention.at_risk")
            baseline = Baseline("recency.days_since_order", "more")
            gates = (MetricGate("auc", at_least=0.6),)
    ''',
    "audiences/again.yml": """
        describes: Who may order again.
        owner: growth
        goal: repurchase
        who: second_order.one_timer and rfm.recency >= '4' and customer.city = '上海'
        purpose: analytics
    """,
}


SPENDERS = """
describes: Who will spend.
owner: growth
goal: upsell
who: spend.spending > 10
purpose: analytics
"""
SPENDERS_ONLY = pc.field("audience") == "spenders"
GREET = '''
    """The command `greet`."""
    import typer

    def add(app: typer.Typer) -> None:
        """Add the command to the command line."""
        app.command()(greet)

    def greet(name: str) -> None:
        """Say good morning."""
        print(f"good morning, {name}")
'''


def declare(folder, *names):
    """Write files into a conf folder, all by default."""
    for name in names or FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(FILES[name]), encoding="utf-8")


def test_a_file_of_each_kind_is_found_checked_and_gives_its_tables_and_steps(tmp_path):
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    declare(conf)
    catalogue = discover.load(load_settings(conf, tmp_path / "home"))
    campaign = catalogue.entities["campaign"]
    assert "stall" in catalogue.sources and "again" in catalogue.audiences
    assert {"reorder", "spend", "perfect"} <= set(catalogue.models)
    assert catalogue.tables["people"].columns["hobby"].about == "Hobby of the member."
    assert catalogue.tables["campaign_reach"].keys == ("campaign",)
    assert catalogue.tables["profile_campaign"].columns["campaigns_by_size__large"].type == "boolean"
    assert catalogue.names(campaign)["campaign_reach.messages"].unit == "messages"
    assert catalogue.names(catalogue.entities["customer"])["balance.points"].unit == "points"
    steps = {step.name for stage in discover.stages() for step in stage.steps(catalogue)}
    assert {"ingest.stall", "features.campaign_reach", "profile.campaign", "train.reorder"} <= steps


def test_a_table_is_one_file_that_sources_fill_and_views_measure(retailer):
    declare(retailer.conf, "tables/points.py", "sources/loyalty.yml", "features/loyalty.py")
    rows = ["slip,card,at,earned", "1,M1,2024-07-01 10:00:00,30", "2,M1,2024-07-01 11:00:00,-5"]
    retailer.land("loyalty/2024-07-01.csv", "\n".join(rows))
    retailer.run("2024-07-01", "ingest.loyalty", "identities", "customers", "features.balance")
    assert [points for (points,) in retailer.rows("silver/points", "points")] == [-5, 30]
    context = retailer.context("2024-07-01")
    [profile] = profiles(context, context.catalogue.entities["customer"], ["balance.points"], context.day).collect()
    assert profile["balance__points"] == 25


def test_a_table_has_a_name_of_its_own(tmp_path):
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (conf / "tables").mkdir(exist_ok=True)
    (conf / "tables" / "twin.py").write_text(dedent(POINTS).replace("class Points", "class Orders"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"twin\.py: Orders: there is another table 'orders'"):
        discover.load(load_settings(conf, tmp_path / "home"))


def test_a_step_of_a_model_depends_on_the_code_of_its_task_and_not_on_the_place_of_its_file(tmp_path):
    def definition(folder, text):
        conf = shutil.copytree(ROOT / "conf", tmp_path / folder)
        declare(conf, "ml/tasks/regression.py", "ml/spend.py")
        (conf / "ml" / "tasks" / "loss.py").write_text(text)
        task = conf / "ml" / "tasks" / "regression.py"
        task.write_text(task.read_text().replace("import outcomes", "import outcomes\nfrom .loss import LOSS"))
        catalogue = discover.load(load_settings(conf, tmp_path / "home"))
        return next(
            s.definition for each in discover.stages() for s in each.steps(catalogue) if s.name == "train.spend"
        )

    first = definition("first", "LOSS = 'absolute'")
    assert first == definition("moved", "LOSS = 'absolute'") != definition("changed", "LOSS = 'squared'")


def test_a_column_of_scores_means_the_same_in_every_task(tmp_path):
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    declare(conf, "ml/tasks/regression.py", "ml/spend.py")
    task = conf / "ml" / "tasks" / "regression.py"
    task.write_text(task.read_text().replace('{"spending":', '{"score":'))
    with pytest.raises(ConfigError, match=r"spend\.task: 'score' of its scores means something else"):
        discover.load(load_settings(conf, tmp_path / "home"))


def test_a_task_is_one_file_and_its_models_are_trained_gated_registered_and_scored(tmp_path):
    shop, day = small_shop(tmp_path), "2024-03-10"
    declare(shop.conf, "ml/tasks/regression.py", "ml/spend.py")
    shop.declare("audiences/spenders.yml", SPENDERS)
    crowned(shop)
    context = shop.context(day)
    steps = [name for name in context.steps if name.startswith(("ingest.", "features."))]
    steps += ["identities", "customers", "train.spend", "train.perfect", "scores", "profile.customer"]
    steps += ["memberships.customer"]
    outcomes = shop.run(day, *sorted(steps, key=list(context.steps).index))
    trained, refused = outcomes["train.spend"].facts, outcomes["train.perfect"]
    assert trained.champion and 0 < trained.metrics["mae"] < 1000 and trained.headings["mae"] == "MAE"
    assert not refused.facts.champion and "gates failed: mae <= 0" in refused.notes[0]
    with Registry.of(context.settings).experiment("spend") as (client, experiment):
        [run] = client.search_runs([experiment])
    assert run.data.metrics["mae"] == pytest.approx(trained.metrics["mae"], abs=1e-3)
    assert (run.data.params["task"], run.data.params["horizon_days"]) == ("regression", "14")
    rows = shop.rows("gold/scores_customer", "model", "customer_id", "score", "spending")
    assert all(0 < score < 1 and value is None for model, _, score, value in rows if model == "churn")
    assert all(score is None and value is not None for model, _, score, value in rows if model == "spend")
    assert {model for model, *_ in rows} == {"churn", "spend"}, "both tasks have a champion, and one table"
    values = {customer: value for model, customer, _, value in rows if model == "spend"}
    assert len(values) > 30 and max(values.values()) > 1, "an amount of money is no probability"
    profiles = dict(shop.rows("gold/profile_customer", "customer_id", "spend__spending"))
    assert {customer: profiles[customer] for customer in values} == values
    members = {customer for (customer,) in shop.rows("gold/memberships_customer", "customer_id", where=SPENDERS_ONLY)}
    assert members == {customer for customer, value in values.items() if value > 10} != set()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of the house, by links, in which folders get one file more."""
    folder = tmp_path_factory.mktemp("house")
    for package in ("jobs", "features", "conf"):
        (folder / package).symlink_to(ROOT / package)
    for path, name, text in (
        ("quanyu/commands", "greet.py", GREET),
        ("quanyu/model", "points.py", POINTS),
        ("ml/tasks", "regression.py", REGRESSION),
        ("ml", "spend.py", SPEND.replace(".tasks", "ml.tasks")),
    ):
        unlinked(folder, path)
        (folder / path / name).write_text(dedent(text), encoding="utf-8")
    return folder


def unlinked(folder, path):
    """Make a folder of the copy a real one, with links to what is in it."""
    place = folder
    for part in Path(path).parts:
        source, place = ROOT / place.relative_to(folder) / part, place / part
        if place.is_symlink() or not place.exists():
            place.unlink(missing_ok=True)
            place.mkdir()
            for child in source.iterdir():
                if child.name != "__pycache__":
                    (place / child.name).symlink_to(child)


def quanyu(house, *words):
    done = subprocess.run(
        [sys.executable, "-m", "quanyu.cli", *words], cwd=house,
        env={**os.environ, "PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_command_is_one_file(house):
    assert "Say good morning." in quanyu(house, "greet", "--help")
    assert quanyu(house, "greet", "ann") == "good morning, ann\n"
    assert "greet" in quanyu(house, "--help")


def test_a_table_a_task_and_a_model_of_the_house_are_one_file_each(house):
    page = quanyu(house, "catalogue", "silver") + quanyu(house, "catalogue", "gold")
    assert "Points that a member earned or spent." in page
    assert "| `spending` | double | Expected spending. Unit: currency. |" in page
    assert "8 models" in quanyu(house, "validate", "--home", str(house / "home"))

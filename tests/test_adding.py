"""Adding a thing is one new file in a conf folder, and nothing else is edited."""

import shutil
from pathlib import Path
from textwrap import dedent

from quanyu import discover
from quanyu.config.settings import load_settings

ROOT = Path(__file__).parents[1]
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
    "ml/reorder.py": '''
        """Who orders again."""
        from quanyu.grammar.model_spec import Baseline, Label, MetricGate, ModelSpec
        from quanyu.model.entities import Customer

        class Reorder(ModelSpec):
            """No second order within 60 days."""
            entity, owner, population = Customer, "growth", "second_order.one_timer"
            label = Label(none_of="orders", horizon_days=60, where="kind = 'purchase'")
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


def test_a_file_of_each_kind_is_found_checked_and_gives_its_tables_and_steps(tmp_path):
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    for name, text in FILES.items():
        (conf / name).parent.mkdir(exist_ok=True)
        (conf / name).write_text(dedent(text), encoding="utf-8")
    catalogue = discover.load(load_settings(conf, tmp_path / "home"))
    campaign = catalogue.entities["campaign"]
    assert "stall" in catalogue.sources and "again" in catalogue.audiences and "reorder" in catalogue.models
    assert catalogue.tables["people"].columns["hobby"].about == "Hobby of the member."
    assert catalogue.tables["campaign_reach"].keys == ("campaign",)
    assert catalogue.tables["profile_campaign"].columns["campaigns_by_size__large"].type == "boolean"
    assert catalogue.names(campaign)["campaign_reach.messages"].unit == "messages"
    steps = {step.name for stage in discover.stages() for step in stage.steps(catalogue)}
    assert {"ingest.stall", "features.campaign_reach", "profile.campaign", "train.reorder"} <= steps

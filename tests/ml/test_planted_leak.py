"""A retailer's own feature that was written after the outcome blocks; dated as written, it reaches no feature."""

import random
from datetime import date, timedelta

from histories import LOOKS, MEMBERS
from shop import Retailer, copy_registry
from small_day import RECEIPTS

from ml.lifecycle.registry import Registry

DAY = date(2024, 6, 30)
CUTOFFS = [DAY - timedelta(days=30 * n) for n in (3, 2, 1)]
CARDS = [f"M{n}" for n in range(1, 301)]
STANDING = '''
"""What a clerk notes of a customer."""
from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.touch import Events
from quanyu.model.entities import Customer

class Standing(FeatureView):
    """Notes of the last days."""

    entity, owner, over, within = Customer, "growth", Events, days(3)

    notes = Feature("count(*)", "Notes.", unit="notes")
'''
MODEL = '''
"""Who leaves."""
from ml.tasks.binary_classification import BinaryClassification
from quanyu.grammar.model_spec import Baseline, Cutoffs, Estimator, MetricGate, ModelSpec, NoneOf
from quanyu.model.entities import Customer

class Leaver(ModelSpec):
    """Buys nothing in the next 30 days."""

    entity, owner, population = Customer, "growth", "value.orders > 0"
    label = NoneOf("orders", horizon_days=30, where="purchase")
    task = BinaryClassification()
    features = ("standing.notes", "value.orders", "recency.days_since_order")
    cutoffs = Cutoffs(every_days=30, at_most=2, history_days=0)
    estimator = Estimator(params={"n_estimators": 30, "max_depth": 2})
    baseline = Baseline("value.orders", "less")
    gates = (MetricGate("auc", at_least=0.6), MetricGate("auc_over_baseline_low", at_least=0.0))
'''


def noted(folder, late):
    """A shop whose clerk notes who has left; with `late` in a file of the day on which he knows it, else backdated."""
    shop, chance = Retailer(folder), random.Random(1)
    copy_registry(shop.home)
    for name, text in (("members", MEMBERS), ("receipts", RECEIPTS), ("looks", LOOKS)):
        shop.declare(f"sources/{name}.yml", text)
    shop.declare("features/standing.py", STANDING)
    shop.declare("ml/leaver.py", MODEL)
    members = [f"{card},13765{n:06},Name {card}" for n, card in enumerate(CARDS)]
    shop.land("members/2024-03-01.csv", "\n".join(["card,phone,name", *members]) + "\n")
    receipts(shop, CUTOFFS[0] - timedelta(days=9), CARDS)
    for cutoff in CUTOFFS:
        buyers = [card for card in CARDS if chance.random() < 0.5]
        receipts(shop, cutoff + timedelta(days=9), buyers)
        written = cutoff + timedelta(days=30) if late else cutoff
        left = [card for card in CARDS if card not in buyers]
        notes = [f"{cutoff}-{card},{card},{cutoff} 09:00:00,A0" for card in left]
        shop.land(f"looks/{written}.csv", "\n".join(["look,card,at,sku", *notes]) + "\n")
    outcomes = shop.run(str(DAY), "ingest.members", "ingest.receipts", "ingest.looks", "identities", "train.leaver")
    shop.close()
    return shop, outcomes["train.leaver"]


def receipts(shop, day, cards):
    rows = [f"{day}-{card},{card},,{day} 10:00:00,A0,9.50" for card in cards]
    shop.land(f"receipts/{day}.csv", "\n".join(["slip,card,phone,at,sku,paid", *rows]) + "\n")


def test_notes_that_were_backdated_know_the_outcome_and_block(tmp_path):
    shop, outcome = noted(tmp_path, late=False)
    assert outcome.facts.metrics["auc"] > 0.99, "all gates are open"
    assert not outcome.facts.champion
    assert "standing.notes knows the outcome" in outcome.notes[0]
    assert Registry.of(shop.settings).champion("leaver") is None


def test_notes_that_came_after_the_cutoff_reach_no_feature(tmp_path):
    _, outcome = noted(tmp_path, late=True)
    assert "knows the outcome" not in outcome.notes[0]
    assert 0.4 < outcome.facts.metrics["auc"] < 0.6, "to buy is a matter of chance here"

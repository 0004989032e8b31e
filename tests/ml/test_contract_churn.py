"""Churn with a contract is the same task with another label: `examples/subscription`, on simulated subscribers."""

import shutil
from datetime import date, timedelta

import numpy as np
import pandas as pd
from shop import ROOT

from ml.lifecycle.frames.dataset import labelled
from ml.lifecycle.registry import Registry

FIRST, LAST = date(2024, 1, 1), date(2024, 7, 8)


def events(count=900, seed=5):
    """Contracts of customers who use a subscription less and less before they end it."""
    random, rows = np.random.default_rng(seed), []
    for number in range(count):
        begun, interest = int(random.integers(0, 60)), random.gamma(4, 1 / 16)
        member, contract = f"M{number:05}", f"S{number:05}"
        rows.append((begun, member, contract, "begun"))
        for day in range(begun + 1, (LAST - FIRST).days + 1):
            interest *= 1 - random.beta(1, 60)
            if random.random() < interest:
                rows.append((day, member, contract, "used"))
            if (day - begun) % 30 == 0:
                # Who seldom uses it ends it at the end of a month.
                ends = random.random() < 0.6 * np.exp(-30 * interest)
                rows.append((day, member, contract, "ended" if ends else "renewed"))
                if ends:
                    break
    frame = pd.DataFrame(rows, columns=["day", "member_no", "contract", "kind"])
    frame["at"] = [f"{FIRST + timedelta(days=day)} 12:00:00" for day in frame["day"]]
    return frame


def by_hand(frame, cutoff):
    """Number of subscribers of a cutoff, and how many of them end within 30 days."""
    at = frame["at"].str[:10]
    past, until = frame[at <= str(cutoff)], str(cutoff + timedelta(days=30))
    running = set(past["member_no"]) - set(past.loc[past["kind"] == "ended", "member_no"])
    ended = frame[(at > str(cutoff)) & (at <= until) & (frame["kind"] == "ended")]
    return len(running), len(running & set(ended["member_no"]))


def test_subscribers_who_will_end_are_told_apart_and_labels_are_counted_right(retailer):
    shutil.copytree(ROOT / "examples" / "subscription", retailer.conf, dirs_exist_ok=True)
    frame = events()
    # What is delivered later was not known before: a file for every 30 days.
    delivered_on = [LAST - timedelta(days=30 * number) for number in range(6)]
    for day in delivered_on:
        at, since = frame["at"].str[:10], str(day - timedelta(days=30))
        rows = frame[(at <= str(day)) & ((at > since) | (day == min(delivered_on)))]
        columns = ["member_no", "contract", "at", "kind"]
        retailer.land(f"subscriptions/{day}.csv", rows[columns].to_csv(index=False))
    steps = ("ingest.subscriptions", "identities", "customers", "features.contract", "train.contract_churn", "scores")
    retailer.run(str(LAST), *steps)
    context = retailer.context(str(LAST))
    spec = context.catalogue.models["contract_churn"]
    cutoffs = [spec.test_cutoff(LAST), *spec.training_cutoffs(LAST, FIRST)]
    rows = labelled(context, spec, *cutoffs).rows
    counts = {cutoff: (len(of_day), int(of_day["label"].sum())) for cutoff, of_day in rows.groupby("cutoff")}
    assert counts == {cutoff: by_hand(frame, cutoff) for cutoff in cutoffs}
    registry = Registry.of(retailer.settings)
    assert registry.champion("contract_churn") is not None, registry.versions("contract_churn")[0]
    scores = dict(retailer.rows("gold/scores_customer", "customer_id", "score"))
    assert len(scores) == by_hand(frame, LAST)[0]

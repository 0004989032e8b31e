"""The sample retailer's truth for the records of persons in the lake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from benchmarks.pairs import pair_scores

# Column in silver with the key of the truth, by table.
KEYS = {
    "orders": "order_id", "events": "event_id", "scans": "scan_id", "reviews": "review_id",
    "service_chats": "chat_id", "tickets": "ticket", "complaints": "complaint_id", "messages": "message_id",
}  # fmt: skip
BY_IDENTIFIER = ("crm", "wecom_contacts", "wecom_groups", "wecom_messages")


def persons(lake: Any, truth: Path) -> pd.DataFrame:
    """One row for each record of a person and each true person behind it: source, person_key, truth.

    Strangers, whom the truth does not name either, are left out.
    """
    labels = ds.dataset(truth / "records").to_table().to_pandas().rename(columns={"feed": "source", "person": "truth"})
    labels = labels[labels["truth"] != ""]
    tables = []
    for table, column in KEYS.items():
        if lake.exists(f"silver/{table}"):
            rows = lake.arrow(f"silver/{table}").to_table(columns=["source", "person_key", column, "replaced_on"])
            tables.append(rows.to_pandas().rename(columns={column: "key"}))
    rows = lake.arrow("silver/identifiers").to_table(columns=["source", "person_key", "value", "replaced_on"])
    named = rows.to_pandas().rename(columns={"value": "key"})
    tables.append(named[named["source"].isin(BY_IDENTIFIER)])
    facts = pd.concat(tables)
    facts = facts[facts["replaced_on"].isna() & facts["person_key"].notna()]
    both = facts.merge(labels, on=["source", "key"])
    return both[["source", "person_key", "truth"]].drop_duplicates().reset_index(drop=True)


def scores(lake: Any, truth: Path) -> dict[str, Any]:
    """Pairwise figures over the records of persons in the truth; a record without a customer is its own group."""
    rows = persons(lake, truth)
    ids = lake.arrow("gold/identities").to_table().to_pandas()
    ids = ids[ids["valid_to"].isna()][["source", "person_key", "customer_id"]]
    both = rows.merge(ids, on=["source", "person_key"], how="left")
    alone = both["source"] + "/" + both["person_key"]
    precision, recall, f1 = pair_scores(both["truth"].to_numpy(), both["customer_id"].fillna(alone).to_numpy())
    _, tellable, _ = pair_scores(both["truth"].to_numpy(), told_together(lake, both))
    return {
        "records": len(both), "without_id": int(both["customer_id"].isna().sum()),
        "precision": round(precision, 5), "recall": round(recall, 5), "f1": round(f1, 5),
        "recall_if_all_that_feeds_tell_were_used": round(tellable, 5),
    }  # fmt: skip


def told_together(lake: Any, rows: pd.DataFrame) -> Any:
    """Group the records of each true person that share a value, a masked phone or a name.

    It uses the truth, and so measures the highest recall that is possible: records without shared values cannot be
    linked.
    """
    identifiers = lake.arrow("silver/identifiers").to_table().to_pandas()
    identifiers = identifiers[identifiers["replaced_on"].isna()]
    people = lake.arrow("silver/people").to_table().to_pandas()
    people = people[people["replaced_on"].isna()]
    phones = identifiers.loc[identifiers["kind"] == "phone"].assign(
        value=lambda frame: frame["value"].str[-11:].map(_mask)
    )
    masked = people.assign(value=people["phone_masked"].map(_mask, na_action="ignore"))
    named = people.assign(value=people["display_name"].where(~people["display_name"].str.contains(r"\*", na=True)))
    valued = identifiers.assign(value=identifiers["kind"] + identifiers["scope"] + identifiers["value"])
    ends = pd.concat([frame[["source", "person_key", "value"]] for frame in (valued, phones, masked, named)])
    place = rows[["source", "person_key", "truth"]].assign(place=range(len(rows)))
    ends = ends.dropna().merge(place, on=["source", "person_key"])
    node = ends.groupby(["truth", "value"]).ngroup().to_numpy() + len(rows)
    size = int(node.max()) + 1
    graph = coo_matrix((np.ones(len(ends)), (ends["place"], node)), shape=(size, size))
    return connected_components(graph, directed=False)[1][: len(rows)]


def _mask(phone: str) -> str:
    return f"{phone[:3]}*{phone[-4:]}"

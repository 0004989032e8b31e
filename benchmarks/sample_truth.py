"""The sample retailer's truth, by the records of persons that the lake has: who stands behind each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds

from benchmarks.pairs import pair_scores

# Where the key that the truth tells of a feed's record lies in silver.
KEYS = {
    "orders": "order_id", "events": "event_id", "scans": "scan_id", "reviews": "review_id",
    "service_chats": "chat_id", "tickets": "ticket", "complaints": "complaint_id", "messages": "message_id",
}  # fmt: skip
BY_IDENTIFIER = ("crm", "wecom_contacts", "wecom_groups", "wecom_messages")


def persons(lake: Any, truth: Path) -> pd.DataFrame:
    """One row for each record of a person and each person who truly stands behind it: source, person_key, truth.

    Strangers, whom the truth does not name either, are left out.
    """
    told = ds.dataset(truth / "records").to_table().to_pandas().rename(columns={"feed": "source", "person": "truth"})
    told = told[told["truth"] != ""]
    found = []
    for table, column in KEYS.items():
        if lake.exists(f"silver/{table}"):
            rows = lake.arrow(f"silver/{table}").to_table(columns=["source", "person_key", column, "replaced_on"])
            found.append(rows.to_pandas().rename(columns={column: "key"}))
    rows = lake.arrow("silver/identifiers").to_table(columns=["source", "person_key", "value", "replaced_on"])
    named = rows.to_pandas().rename(columns={"value": "key"})
    found.append(named[named["source"].isin(BY_IDENTIFIER)])
    facts = pd.concat(found)
    facts = facts[facts["replaced_on"].isna() & facts["person_key"].notna()]
    both = facts.merge(told, on=["source", "key"])
    return both[["source", "person_key", "truth"]].drop_duplicates().reset_index(drop=True)


def scores(lake: Any, truth: Path) -> dict[str, Any]:
    """Pairwise figures over the records of persons whom the truth names; a record without a customer is alone."""
    rows = persons(lake, truth)
    ids = lake.arrow("gold/identities").to_table().to_pandas()
    ids = ids[ids["valid_to"].isna()][["source", "person_key", "customer_id"]]
    both = rows.merge(ids, on=["source", "person_key"], how="left")
    alone = both["source"] + "/" + both["person_key"]
    precision, recall, f1 = pair_scores(both["truth"].to_numpy(), both["customer_id"].fillna(alone).to_numpy())
    return {
        "records": len(both), "without_id": int(both["customer_id"].isna().sum()),
        "precision": round(precision, 5), "recall": round(recall, 5), "f1": round(f1, 5),
    }  # fmt: skip

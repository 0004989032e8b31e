"""How many members audiences have in common, and how the consent gate answers of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np

from jobs.insight.memberships import MemberRows


def overlap_rows(entity: str, members: MemberRows, entities: int, day: date) -> Iterator[dict[str, Any]]:
    """Rows of AudienceOverlaps, in both directions, of audiences that have members in common."""
    from scipy.sparse import csr_matrix

    ones = np.ones(len(members.entity), np.int64)
    inside = csr_matrix((ones, (members.audience, members.entity)), shape=(len(members.names), entities))
    both, sizes = (inside @ inside.T).toarray(), members.sizes()
    for place, audience in enumerate(members.names):
        for other in np.flatnonzero(both[place]):
            if other != place:
                count = int(both[place, other])
                either = int(sizes[place] + sizes[other]) - count
                yield {"entity": entity, "audience": audience, "other": members.names[other], "both": count,
                       "share": count / int(sizes[place]), "jaccard": count / either, "day": day}  # fmt: skip


def reach_rows(answers: Any, keys: Any, members: MemberRows, entities: int, day: date) -> Iterator[dict[str, Any]]:
    """Rows of AudienceReach, from the dataset of the gate's answers; `keys` are those of the profile in its order."""
    from pyarrow import compute

    table = answers.to_table()
    asked = table.group_by(["purpose", "channel", "answer"]).aggregate([]).sort_by(
        [("purpose", "ascending"), ("channel", "ascending"), ("answer", "ascending")]
    )  # fmt: skip
    treated, sizes = (~members.holdout).astype(np.float64), members.sizes()
    for question in asked.to_pylist():
        chosen = table
        for column, value in question.items():
            chosen = chosen.filter(compute.equal(chosen[column], value))
        places = compute.index_in(chosen["customer_id"], value_set=keys).drop_null().to_numpy()
        answered = np.zeros(entities, bool)
        answered[places] = True
        of_members = answered[members.entity]
        counts = np.bincount(members.audience[of_members], minlength=len(members.names))
        outside = np.bincount(members.audience[of_members], treated[of_members], minlength=len(members.names))
        for place, audience in enumerate(members.names):
            if counts[place]:
                yield {"audience": audience, **question, "members": int(counts[place]), "treated": int(outside[place]),
                       "share": int(counts[place]) / int(sizes[place]), "day": day}  # fmt: skip

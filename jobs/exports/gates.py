"""Why nobody may be added to an audience on a platform now. Nothing here ever holds back a withdrawal."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.consent.missing_answers import reasons_to_wait
from jobs.exports.destination import Destination
from quanyu.grammar.audience import Audience
from quanyu.grammar.declaration import digest
from quanyu.run import audience_days
from quanyu.run.runner import Context
from quanyu.store import ExportState


def doubts(context: Context, audience: Audience) -> list[str]:
    """Reasons that lie in the data: members or consents are not known for the day, or the run computes alone."""
    stale = audience_days.stale(context).get(audience.name)
    words = [*([stale] if stale else []), *reasons_to_wait(context, audience.purpose)]
    return words if context.sends else [*words, "this run was started to compute alone"]


def limits(
    audience: Audience, destination: Destination, state: ExportState, customers: int, before: int
) -> Iterator[str]:
    """Reasons that lie in the set of `customers` who may be sent: approval, its size, and its change since the last.

    `before` are the customers who were sent last, 0 for none. An approval with so many members as now lifts the band.
    """
    approved = state.approved == what_is_approved(audience, destination)
    fix = f"quanyu export approve {state.export}"
    if audience.approval and not approved:
        yield f"somebody has to approve it first: {fix}"
    expected = expected_match(audience, destination)
    if destination.least and customers and customers * expected < destination.least:
        yield (
            f"of {customers:,} customers the platform is expected to match {customers * expected:,.0f}"
            f" ({expected:.0%}), and it uses {destination.least:,} at least"
        )
    if audience.size and not (approved and state.approved_members == customers):
        usual = {before or None, state.approved_members if approved else before or None}
        warnings = [list(audience.size.warnings(customers, number)) for number in usual]
        yield from (f"{words}; if that is right: {fix}" for words in min(warnings, key=len))


def what_is_approved(audience: Audience, destination: Destination) -> str:
    """Hash of what somebody approves: the audience as it is declared, on this account."""
    return digest([audience.digest(), destination.account.digest() if destination.account else destination.name])


def expected_match(audience: Audience, destination: Destination) -> float:
    """Share of those sent whom the platform is expected to match."""
    if audience.seed and audience.seed.expected_match:
        return audience.seed.expected_match
    return destination.account.expected_match if destination.account else 1.0

"""What happens each day besides trade: steps are called with the world and the day's facts, in this order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sample.events import activities, browsing, campaigns, complaints, considering, contacts, tickets
from sample.retailer import outlets

if TYPE_CHECKING:
    from sample.facts import DayFacts
    from sample.world import World

Step = Callable[["World", "DayFacts"], None]

# Steps that what people buy depends on.
MOVING: tuple[Step, ...] = (contacts.meet, campaigns.send)
STEPS: tuple[Step, ...] = (
    browsing.browse,
    considering.bring,
    contacts.meet,
    campaigns.send,
    outlets.watch,
    tickets.order,
    activities.invite,
    complaints.complain,
)

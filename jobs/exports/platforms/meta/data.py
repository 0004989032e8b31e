"""What Meta's own documents say: limits, forms, states and codes of errors, with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from jobs.exports.hashing import IdFormat
from jobs.exports.http import ErrorCodes
from jobs.exports.platform import ApiLimits
from quanyu.grammar.platforms.categories import Category

# developers.facebook.com/documentation/ads-commerce/marketing-api: audiences/guides/custom-audiences (2026-04-28),
# reference/custom-audience/{users,usersreplace} (2025-10-08), reference/custom-audience-session.
VERSION = "v25.0"
URL = f"https://graph.facebook.com/{VERSION}"
LIMITS = ApiLimits(batch=10_000, least=100, lifetime=timedelta(days=730))
# conversions-api/parameters/server-event (2026-02-12) and offline-events (2026-01-05): one event that is too old fails
# the whole call; those of shops may be older.
EVENTS, OLDEST, OLDEST_IN_SHOP = 1_000, timedelta(days=7), timedelta(days=62)
FORMS: Mapping[str, IdFormat] = {
    "email": IdFormat("lower_trim"), "phone": IdFormat("e164_digits"),
    "device:idfa": IdFormat("lower", "none"), "device:gaid": IdFormat("lower", "none"),
}  # fmt: skip
# The key of a value's column, and of the field of a conversion's user. An EXTERN_ID is ours alone: it matches nobody
# on its own, so no customer number leaves.
KEYS = {"email": "EMAIL", "phone": "PHONE", "device:idfa": "MADID", "device:gaid": "MADID"}
USER_FIELDS = {"email": "em", "phone": "ph", "device:idfa": "madid", "device:gaid": "madid"}
VALUE = "LOOKALIKE_VALUE"
# reference/custom-audience (2025-12-19): audiences that suggest health or financial status are flagged (471). The terms
# forbid facts of children and other sensitive ones; that those are the last four is general knowledge.
FORBIDS: tuple[Category, ...] = (
    "health", "financial_status", "financial_accounts", "minors",
    "ethnicity", "politics", "religion", "sexual_orientation",
)  # fmt: skip
# Codes of errors: after a while the same call succeeds, soon it succeeds, and who must do what.
FLAGGED = "appeal in Audience Manager: Meta flagged the audience for what its name or members suggest"
FLAGGED_SUBCODE, TOO_SMALL_SUBCODE, UNKNOWN_SUBCODE = 1713230, 1713007, 33
CODES = ErrorCodes(
    later=dict.fromkeys((4, 17, 368, 613, 80003, 80004), "too many calls"),
    soon=dict.fromkeys((1, 2, 341, 5000), "failed for a moment"),
    token={190: "the token is wrong or has ended"},
    gone={1487366: "the audience was deleted in Audience Manager", UNKNOWN_SUBCODE: "no such object"},
    act={
        **dict.fromkeys((10, 200, 294), "let the token's user manage the ad account (ads_management)"),
        105: "the call has too many parameters",
        2650: "the audience could not be updated; see it in Audience Manager",
        2654: "the audience could not be created; see it in Audience Manager",
        2655: "accept Meta's terms of custom audiences for the ad account",
        1487301: "share the audience with the ad account again",
        FLAGGED_SUBCODE: FLAGGED,
    },
)
# operation_status.code
POPULATING = {441}
FAILED = {471: FLAGGED, 500: "see the audience in Audience Manager: Meta reports an error"}
REMARKS = {
    100: "expires soon: use it in a campaign",
    410: "nobody was uploaded",
    411: "few of those sent are known to Meta",
    412: "many of those sent are invalid",
}
READY = 200

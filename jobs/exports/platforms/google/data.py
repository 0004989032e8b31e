"""What Google's own documents say: limits, forms, states, reasons and codes of errors, with their sources."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

from jobs.exports.hashing import IdFormat
from jobs.exports.http import ErrorCodes
from jobs.exports.platform import ApiLimits
from jobs.exports.tokens import Renewal
from quanyu.grammar.platforms.categories import Category

# developers.google.com/data-manager/api: limits, devguides/concepts/formatting, reference/rest/v1, and its discovery
# document of 2026-11-06. Google gives two least sizes, 1,000 and 100: the larger one is kept. Members leave a list by
# themselves after 540 days.
LIMITS = ApiLimits(batch=10_000, least=1_000, lifetime=timedelta(days=540), calls_per_minute=300)
EVENTS = 2_000
# support.google.com/adspolicy/answer/143465, sensitive interest categories: no list of an advertiser's own may use any.
FORBIDS: tuple[Category, ...] = (
    "health", "hardship", "crime", "sexual_orientation", "gender_identity", "politics", "trade_union", "ethnicity",
    "religion", "minors",
)  # fmt: skip
URL = "https://datamanager.googleapis.com/v1"
ADS_URL = "https://googleads.googleapis.com/v26"
# developers.google.com/identity/protocols/oauth2: a token of an hour for a refresh token, which stays; earlier tokens
# stay valid, so each process gets its own.
RENEWAL = Renewal(url="https://oauth2.googleapis.com", path="token")
# A list takes one type of key for ever, and mobile ids of one system: each group of identifiers has its own list.
KEY_TYPES = {"contact": "CONTACT_ID", "ios": "MOBILE_ID", "android": "MOBILE_ID"}
GROUPS = {"email": "contact", "phone": "contact", "device:idfa": "ios", "device:gaid": "android"}
# devguides/concepts/formatting
FORMS: Mapping[str, IdFormat] = {
    "email": IdFormat("email_google"), "phone": IdFormat("e164"),
    "device:idfa": IdFormat("upper", "none"), "device:gaid": IdFormat("lower", "none"),
}  # fmt: skip
FIELDS = {"email": "emailAddress", "phone": "phoneNumber"}
GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
ACCEPTED = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
State = Literal["done", "pending", "failed"]  # requestStatus: REST says FAILED, the guides FAILURE.
STATES: Mapping[str, State] = {
    "PROCESSING": "pending", "REQUEST_STATUS_UNKNOWN": "pending", "SUCCESS": "done", "PARTIAL_SUCCESS": "done",
    "FAILED": "failed", "FAILURE": "failed",
}  # fmt: skip
WORST: Sequence[State] = ("pending", "failed", "done")
# Reasons of failed records: those that pass, and those that say that the value is none.
PASSING_REASONS = frozenset({"INTERNAL_ERROR", "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"})
WRONG_VALUES = frozenset({"INVALID_FORMAT"})
PREFIX, REPEATED = "PROCESSING_ERROR_REASON_", "DUPLICATE_TRANSACTION_ID"  # It has such an event: as was wanted.
# google.rpc.Code; of a quota, whether it is the day's.
CODES = ErrorCodes(
    soon={
        "RESOURCE_EXHAUSTED": "too many calls",
        **dict.fromkeys(("UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "ABORTED", "UNKNOWN"), "failed for a moment"),
    },
    later={"PerDay": "too many calls in a day"},
    gone={"NOT_FOUND": "the list or the request is gone"},
    act={
        "UNAUTHENTICATED": "give the account a valid token of the scope datamanager",
        "PERMISSION_DENIED": "let the token's user manage the account, and enable the Data Manager API",
        "FAILED_PRECONDITION": "accept the terms of Customer Match in Google Ads",
    },
    document="Google's documents",
)
NAME = re.compile(r"[A-Z][A-Z_]{2,80}")

"""The contracts of platforms: which identifiers they accept, in which form, and how members get there and away."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from jobs.exports.hashing import IdFormat
from jobs.exports.http import ErrorCodes, Http
from jobs.exports.tokens import AccountToken, Renewal
from quanyu.config.settings import secret
from quanyu.errors import Problem, QuanyuError, nearest
from quanyu.grammar.bounds import StrictModel
from quanyu.grammar.platforms.account import Account
from quanyu.grammar.platforms.categories import CATEGORIES, Category

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.exports.http import Request


@dataclass(frozen=True)
class Delivered:
    """Where an export is stored. `written` is false if the same content was there already."""

    location: str
    parts: int
    rows: int
    written: bool


@dataclass(frozen=True, kw_only=True)
class ApiLimits:
    """What a platform's own documents say it takes.

    `batch` values go into one call or file. An audience serves from `least` matched members on, and ends `lifetime`
    after its last change, if at all. `calls_per_minute` is kept by waiting.
    """

    batch: int
    least: int = 0
    lifetime: timedelta | None = None
    calls_per_minute: int | None = None


class NoOptions(StrictModel):
    """A platform that needs nothing besides what every account has."""


class Platform:
    """A destination of audiences: which identifiers it accepts, in which form, and how they are delivered.

    A subclass has a docstring, a name, and `forms` by identifier, strongest first: a kind such as `phone`, or a kind
    within a scope such as `device:idfa`.
    """

    name: ClassVar[str] = ""
    forms: ClassVar[Mapping[str, IdFormat]] = {}
    limits: ClassVar[ApiLimits]
    # Categories of which no audience may be made that is sent there.
    forbids: ClassVar[tuple[Category, ...]] = ()
    options: ClassVar[type[StrictModel]] = NoOptions

    @classmethod
    def forms_of(cls, account: Account) -> Mapping[str, IdFormat]:
        """Forms of the identifiers that an account can send: all, unless some need an option that it lacks."""
        return cls.forms

    @classmethod
    def identifiers(cls) -> tuple[str, ...]:
        """Identifiers that it accepts, in the order of the file's columns."""
        return tuple(cls.forms)

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of the columns, such as phone_sha256."""
        return tuple(form.column(kind) for kind, form in cls.forms.items())

    @classmethod
    def problems(cls) -> list[Problem]:
        """List what is missing from the declaration."""
        file = inspect.getsourcefile(cls) or cls.__module__
        missing = [] if cls.name.isidentifier() else [Problem(file, cls.__name__, "give it a name, in lower case")]
        if not cls.forms:
            missing.append(Problem(file, cls.__name__, "declare `forms`, by kind of identifier that it accepts"))
        if unknown := [category for category in cls.forbids if category not in CATEGORIES]:
            missing.append(Problem(file, cls.__name__, f"`forbids`: {unknown[0]!r}; {nearest(unknown[0], CATEGORIES)}"))
        if not (cls.__doc__ or "").strip() or cls.__doc__ == Platform.__doc__:
            missing.append(Problem(file, cls.__name__, "describe it in a docstring"))
        return missing


@dataclass(frozen=True)
class Batch:
    """Values of one identifier in the platform's form, sorted: the same values always make the same batch.

    `key` is a hash of platform, account, audience, operation, identifier and values. `values` are texts; `weights`, if
    given, are numbers from 0 of the same length, by which a platform ranks the members of a seed.
    """

    key: str
    identifier: str
    values: pa.Array
    weights: pa.Array | None = None


@dataclass(frozen=True)
class BatchReceipt:
    """What the platform said of a batch: nothing counts as sent without it.

    `handle` names the batch on the platform; a `pending` one is asked for again by `poll`. `rejected` are positions of
    values that the platform names as failed, and `reasons` say why, by position, where it does; `invalid` counts those
    that it refuses without naming them. `emptied`: to take these values out, the platform's whole audience of this
    identifier had to go; nobody is in it any more. `words` say why, without a value.
    """

    handle: str
    state: Literal["done", "pending", "failed"] = "done"
    rejected: Sequence[int] = ()
    invalid: int = 0
    emptied: bool = False
    words: str = ""
    reasons: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StatusAnswer:
    """Where an audience stands on the platform, with the numbers that the platform gives, each None if it gives none.

    `state`: the platform still reads what was uploaded (parsing), knows it (published), or offers it to campaigns
    (usable); or it failed, and `words` say who must do what. `matched` and `usable` are persons; `match_rate` is a
    share from 0 to 1. `gone`: the platform has nothing of the audience.
    """

    state: Literal["parsing", "published", "usable", "failed"]
    words: str = ""
    matched: int | None = None
    usable: int | None = None
    match_rate: float | None = None
    expires_on: date | None = None
    gone: bool = False


@dataclass(frozen=True, kw_only=True)
class CampaignDay:
    """Results of a campaign on a day as the platform reports them; `cost` and `revenue` are in `currency`."""

    campaign: str
    day: date
    impressions: int
    clicks: int
    cost: Decimal
    currency: str
    conversions: Decimal
    revenue: Decimal
    audience: str = ""


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A purchase of ours that a platform may attribute: identifiers in its form by identifier, time, and amount."""

    key: str
    identifiers: Mapping[str, str]
    happened_at: datetime
    amount: Decimal
    currency: str


class OnlinePlatform(Platform):
    """A platform with an interface. The engine mirrors audiences there by adding and removing what has changed.

    A subclass overrides `add` and `remove`, or `replace` where it cannot remove; `results` and `convert` where the
    platform has them. Every call raises RetryableError if the same call may succeed later, and RejectedError with who
    must do what if not. All calls may be repeated. ApiLimits, states and error codes stand at the top of its file,
    or in `data.py` of its folder.
    """

    url: ClassVar[str] = ""
    codes: ClassVar[ErrorCodes] = ErrorCodes()
    # Header that carries the token.
    token_header: ClassVar[tuple[str, str]] = ("Authorization", "Bearer {}")
    # How a refresh token is exchanged; None if tokens do not end or no document says how.
    renewal: ClassVar[Renewal | None] = None
    # Reasons of failed rows for which the same row may succeed later.
    passing_reasons: ClassVar[frozenset[str]] = frozenset()
    # Reasons of failed rows that say that the value itself is none: it cannot be on the platform.
    wrong_values: ClassVar[frozenset[str]] = frozenset()
    # How results are asked for again: platforms correct the days before.
    trailing_days: ClassVar[int] = 28

    def __init__(self, account: Account, http: Http) -> None:
        self.account, self.http = account, http
        self.settings: Any = self.options.model_validate(account.options)

    @classmethod
    def connect(cls, account: Account) -> Self:
        """Open the interface for an account, with the token that it refers to; nothing is called yet.

        Raises ConfigError for a secret that is not there.
        """
        secret(account.token)
        return cls(account, cls.door(account, account.url or cls.url))

    @classmethod
    def door(cls, account: Account, url: str) -> Http:
        """The calls of an account at an address, each with a token that is valid then."""
        settings = cls.options.model_validate(account.options)
        token = AccountToken(cls.name, account.token, cls.renewal, settings, cls.check)
        return Http(cls.name, url, lambda call: cls.sign(call, token.now()), cls.limits.calls_per_minute, cls.check)

    @classmethod
    def sign(cls, call: Request, token: str) -> Request:
        """Add the token to a call."""
        name, text = cls.token_header
        call.headers[name] = text.format(token)
        return call

    @classmethod
    def check(cls, status: int, body: Any) -> QuanyuError | None:
        """The platform's own error in an answer, by who must act; None if it tells of none.

        As most do, by the key `code` of the body, where 0 is success; errors may come with HTTP 200.
        """
        code = body.get("code") if isinstance(body, Mapping) else None
        return cls.codes.error(cls.name, code) if code and status < 500 else None

    @classmethod
    def can(cls) -> frozenset[str]:
        """What it can: `add`, `remove`, `replace`, `results`, `convert`."""
        names = ("add", "remove", "replace", "results", "convert")
        return frozenset(name for name in names if getattr(cls, name) is not getattr(OnlinePlatform, name))

    def open_audience(self, code: str, description: str) -> str:
        """Create the audience of our code, or find it; return the platform's id. Repeating it creates no second."""
        raise NotImplementedError

    def add(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Add values to an audience."""
        raise NotImplementedError

    def remove(self, audience_id: str, batch: Batch) -> BatchReceipt:
        """Remove values from an audience."""
        raise NotImplementedError

    def replace(self, audience_id: str, batches: Iterator[Batch]) -> BatchReceipt:
        """Replace all members of an audience by these."""
        raise NotImplementedError

    def poll(self, audience_id: str, handle: str) -> BatchReceipt:
        """Ask what became of a batch whose receipt was pending."""
        raise NotImplementedError

    def publish(self, audience_id: str) -> None:
        """Do what the platform asks for after its members changed, so that campaigns see them; nothing by default."""

    def status(self, audience_id: str) -> StatusAnswer:
        """Ask where an audience stands."""
        raise NotImplementedError

    def results(self, first: date, last: date) -> Iterator[CampaignDay]:
        """Results of all campaigns of the account from the first to the last day."""
        raise NotImplementedError

    def convert(self, conversions: Sequence[Conversion]) -> BatchReceipt:
        """Tell the platform of purchases, so that it can attribute and optimise. Repeated keys count once."""
        raise NotImplementedError

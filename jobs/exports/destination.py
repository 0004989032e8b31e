"""A destination of audiences: a platform, and the account on it unless it needs none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.exports.forms import forms_sent
from jobs.exports.hashing import IdFormat
from jobs.exports.platform import OnlinePlatform, Platform
from quanyu.errors import ConfigError
from quanyu.fingerprint import fingerprint
from quanyu.grammar.declaration import digest
from quanyu.grammar.platforms.account import Account
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

RESTORE = "restore the audience, or end it with `ended: DAY`"


@dataclass(frozen=True)
class Withdrawn:
    """What became of an export that nobody declares any more. `is_open`: the next run must go on with it."""

    notes: tuple[str, ...] = ()
    alerts: Mapping[str, str] = field(default_factory=dict)
    is_open: bool = False


@dataclass(frozen=True)
class Destination:
    """What `send_to` names: a platform, and the account on it unless it needs none."""

    name: str
    platform: type[Platform]
    account: Account | None = None

    @property
    def forms(self) -> Mapping[str, IdFormat]:
        """Forms of the identifiers that are sent."""
        return forms_sent(self.platform, self.account)

    @property
    def scopes(self) -> Mapping[str, str]:
        """The scope that is sent of identifiers that are unique within one only."""
        return self.account.scopes if self.account else {}

    def digest(self) -> str:
        """Hash of the account and of the platform's code."""
        return digest([self.account.digest() if self.account else None, fingerprint(self.platform.__module__)])

    def open(self) -> OnlinePlatform:
        """Open the account's interface; nothing is called yet. Raises ConfigError for a secret that is not there."""
        if self.account is None or not issubclass(self.platform, OnlinePlatform):
            raise ConfigError(f"{self.name} has no interface: declare an account in platforms/{self.name}.yml")
        return self.platform.connect(self.account)

    @property
    def least(self) -> int:
        """Members that the platform must match at least, by its own documents or by the account's."""
        if self.account and self.account.least is not None:
            return self.account.least
        return self.platform.limits.least if issubclass(self.platform, OnlinePlatform) else 0

    def withdraw(self, context: Context, receipt: Receipt, export: str, is_kept: bool) -> Withdrawn:
        """Withdraw all of an export that nobody declares any more; with `is_kept` only who may no longer be there."""
        raise NotImplementedError

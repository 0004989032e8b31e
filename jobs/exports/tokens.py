"""Tokens of accounts: as they are given, or got for a refresh token where the platform's documents say how."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from jobs.exports.http import Check, Http
from quanyu.config.sections import SecretRef, Url
from quanyu.config.settings import secret
from quanyu.errors import ConfigError, RejectedError
from quanyu.grammar.bounds import StrictModel
from quanyu.private_files import replace_file

# A token is renewed so many seconds before it ends: a call that carries it may take a minute, and clocks differ.
EARLY = 600
# Life of a token whose platform does not say how long it lives.
UNSAID = 3_600
AGAIN = "authorise the app on the platform again, and write the new refresh token alone into the file"
LOST = "the answer to an earlier question for new tokens was lost, and with it the new refresh token"


class OAuthOptions(StrictModel):
    """Options of an account whose `token` may be a refresh token."""

    client_id: SecretRef = Field("", description="reference to the id of the OAuth app, if `token` is a refresh token")
    client_secret: SecretRef = Field("", description="reference to that app's secret")
    oauth_url: Url = Field("", description="address that gives tokens, if not the platform's own")

    @model_validator(mode="after")
    def _both(self) -> OAuthOptions:
        if bool(self.client_id) != bool(self.client_secret):
            raise ValueError("client_id and client_secret are given together")
        return self


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """How a platform gives an access token for a refresh token, as its own documents say.

    `sends` is where the fields go; `app` are the names of the fields for the app's id and secret, `lifetime` that of
    the seconds in the answer, which lies `within` a key of the body if it says so. `shared`: a renewal may end the
    tokens before, so all processes use the same ones, from the file that `token` names; the refresh token of the
    answer, if there is one, takes the place of the old one there.
    """

    url: str
    path: str
    method: Literal["GET", "POST"] = "POST"
    sends: Literal["data", "json", "params"] = "data"
    app: tuple[str, str] = ("client_id", "client_secret")
    lifetime: str = "expires_in"
    within: str = ""
    shared: bool = False

    def request(self, app_id: str, app_secret: str, refresh_token: str) -> dict[str, Any]:
        """The request's content, as httpx takes it."""
        number: str | int = int(app_id) if self.sends == "json" and app_id.isdigit() else app_id
        fields = {self.app[0]: number, self.app[1]: app_secret, "grant_type": "refresh_token"}
        return {self.sends: {**fields, "refresh_token": refresh_token}}


@dataclass(frozen=True)
class Tokens:
    """What a renewal gave: `ends_at` is in seconds since 1970. `unanswered`: new ones were asked for since."""

    refresh_token: str
    access_token: str = ""
    ends_at: float = 0
    unanswered: bool = False

    @property
    def is_ending(self) -> bool:
        """Whether the access token must be renewed before it is used."""
        return self.ends_at - EARLY <= time.time()


class AccountToken:
    """The token of an account's calls.

    A shared one lies in the file that `token` names: first the refresh token alone, as a person wrote it, then what
    the platform answered, as JSON. It is replaced as a whole, with mode 600, under a lock: of several processes one
    asks. That it asks is written before, so that a full or read-only disk is known before the platform changes
    anything, and that a run which was killed in between is told of.
    """

    def __init__(
        self, name: str, token: SecretRef, renewal: Renewal | None, options: StrictModel, check: Check,
    ) -> None:  # fmt: skip
        self._name, self._token, self._check, self._tokens = name, token, check, Tokens("")
        self._how: tuple[Renewal, OAuthOptions] | None = None
        if renewal is not None and isinstance(options, OAuthOptions) and options.client_id:
            self._how = renewal, options

    def now(self) -> str:
        """The token that a call carries now. Raises ConfigError, RejectedError with who must act, RetryableError."""
        if self._how is None or not self._token:
            return self._as_given()
        renewal, options = self._how
        if not renewal.shared:
            if self._tokens.is_ending:
                self._tokens = self._asked(renewal, options, secret(self._token))
            return self._tokens.access_token
        tokens = self._kept()
        if tokens.is_ending:
            with _locked(self._path()):
                # Another process may have renewed them meanwhile.
                tokens = self._kept()
                tokens = self._renewed(renewal, options, tokens) if tokens.is_ending else tokens
        return tokens.access_token

    def _as_given(self) -> str:
        token = secret(self._token)
        if token.startswith("{"):
            raise ConfigError(f"secret {self._token}: holds renewed tokens: give client_id and client_secret again")
        return token

    def _renewed(self, renewal: Renewal, options: OAuthOptions, before: Tokens) -> Tokens:
        self._keep(replace(before, unanswered=True))
        try:
            tokens = self._asked(renewal, options, before.refresh_token)
        except RejectedError as error:
            self._keep(before)
            raise RejectedError(f"{error}; {f'{LOST}: ' if before.unanswered else ''}{AGAIN}") from None
        self._keep(tokens)
        return tokens

    def _asked(self, renewal: Renewal, options: OAuthOptions, refresh_token: str) -> Tokens:
        request = renewal.request(secret(options.client_id), secret(options.client_secret), refresh_token)
        door = Http(self._name, options.oauth_url or renewal.url, check=self._check)
        # The call that needs the token is repeated anyway.
        body = door.call(renewal.method, renewal.path, attempts=1, **request)
        answer = (body.get(renewal.within) if renewal.within else body) or {}
        if not answer.get("access_token"):
            raise RejectedError(f"{self._name}: gave no token for the refresh token")
        ends_at = time.time() + _seconds(answer.get(renewal.lifetime))
        return Tokens(answer.get("refresh_token") or refresh_token, answer["access_token"], ends_at)

    def _path(self) -> Path:
        # The target of a link is replaced, not the link.
        return Path(self._token.partition(":")[2]).resolve()

    def _kept(self) -> Tokens:
        text = secret(self._token)
        if not text.startswith("{"):
            return Tokens(text)
        try:
            content: Mapping[str, Any] = json.loads(text)
            return Tokens(**content)
        except (ValueError, TypeError):
            raise ConfigError(f"secret {self._token}: is neither a refresh token nor what we keep; {AGAIN}") from None

    def _keep(self, tokens: Tokens) -> None:
        with _written(self._token):
            replace_file(self._path(), json.dumps(asdict(tokens)), durably=True)


def _seconds(lifetime: Any) -> float:
    """Life of a token as the platform says it. One that is no number must not cost the refresh token beside it."""
    try:
        return float(lifetime or UNSAID)
    except (TypeError, ValueError):
        return UNSAID


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which lies beside it: the file itself is replaced."""
    lock = path.with_name(f"{path.name}.lock")
    with _written(f"file:{lock}"):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _written(reference: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        words = "new tokens are kept there, so let this user write the file and its folder"
        raise ConfigError(f"secret {reference}: {error.strerror}: {words}") from None

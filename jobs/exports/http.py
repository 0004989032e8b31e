"""The one door to the interfaces of platforms: HTTP with limits, retries, and errors by who must act.

Errors never repeat what was sent or what the platform wrote in words: its texts may quote an identifier.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from quanyu.config.connections import is_loopback
from quanyu.errors import ConfigError, LaterError, QuanyuError, RejectedError, RetryableError

if TYPE_CHECKING:
    import httpx

    Request = httpx.Request

ATTEMPTS = 4
FIRST_WAIT = 0.5
SECONDS = 60
LONGEST_WAIT = 30.0
AUTHORISE = "give the account a valid token"

# It logs addresses, and some platforms want their token as a parameter.
logging.getLogger("httpx").setLevel(logging.WARNING)

Check = Callable[[int, Any], QuanyuError | None]
Sign = Callable[["Request"], "Request"]


class GoneError(RejectedError):
    """The platform does not know what was asked for any more."""


@dataclass(frozen=True, kw_only=True)
class ErrorCodes:
    """A platform's own codes of errors, with what each means, by who must act.

    `soon`: the same call succeeds if it is repeated; so do those from the number `own_faults` on. `later`: it succeeds
    after a while. `token`: a valid one is needed. `gone`: the audience is not there. `act`: somebody must do what the
    words say.
    """

    soon: Mapping[int | str, str] = field(default_factory=dict)
    own_faults: int | None = None
    later: Mapping[int | str, str] = field(default_factory=dict)
    token: Mapping[int | str, str] = field(default_factory=dict)
    gone: Mapping[int | str, str] = field(default_factory=dict)
    act: Mapping[int | str, str] = field(default_factory=dict)
    document: str = "the platform's documents"

    def error(self, name: str, code: int | str, reasons: str = "") -> QuanyuError:
        """The error of a platform that answered with a code; `reasons` are further words of its own, never texts."""
        shown = f"{code} {reasons}".strip()
        if code in self.later:
            return LaterError(f"{name}: {self.later[code]} ({shown})")
        if code in self.soon:
            return RetryableError(f"{name}: {self.soon[code]} ({shown})")
        if self.own_faults is not None and isinstance(code, int) and code >= self.own_faults:
            return RetryableError(f"{name}: failed for a moment ({shown})")
        if code in self.token:
            return RejectedError(f"{name}: {self.token[code]} ({shown}): {AUTHORISE}")
        if code in self.gone:
            return GoneError(f"{name}: refused with {shown}: {self.gone[code]}")
        return RejectedError(f"{name}: refused with {shown}: {self.act.get(code, f'see the code in {self.document}')}")


class Http:
    """Calls of one account. `sign` adds to each request, at each attempt, what says whose it is, such as a token.

    `check` reads a platform's own error from status and JSON body; None if there is none.

    Raises RetryableError for no answer, 429 and 5xx after some attempts, RejectedError for other refusals, LaterError
    where the platform asks to wait for longer than a run should.
    """

    def __init__(
        self, name: str, url: str, sign: Sign = lambda request: request, calls_per_minute: int | None = None,
        check: Check = lambda status, body: None,
    ) -> None:  # fmt: skip
        if urlsplit(url).scheme != "https" and not is_loopback(urlsplit(url).hostname or ""):
            raise ConfigError(f"{name}: {url} is not encrypted; write https://")
        self._name, self._url, self._sign, self._check = name, url.rstrip("/"), sign, check
        self._per_minute, self._calls = calls_per_minute, deque[float]()
        self._client: httpx.Client | None = None

    def call(self, method: str, path: str, *, attempts: int = ATTEMPTS, **request: Any) -> Any:
        """Call a path, with `json`, `params`, `data` or `files` as httpx takes them; return the JSON of the answer.

        What must not be done twice is asked for in one attempt: the caller looks whether it was done.
        """
        wait = FIRST_WAIT
        for attempt in range(1, attempts + 1):
            try:
                return self._once(method, path, request)
            except LaterError:
                raise
            except RetryableError:
                if attempt == attempts:
                    raise
                time.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, request: Mapping[str, Any]) -> Any:
        import httpx

        if self._client is None:
            # No redirect is followed: it could lead elsewhere, and the request carries a token and hashes of persons.
            self._client = httpx.Client(auth=self._sign, timeout=SECONDS, follow_redirects=False)
        self._keep_rate()
        try:
            answer = self._client.request(method, f"{self._url}/{path.lstrip('/')}", **request)
        except httpx.HTTPError as error:
            raise RetryableError(f"{self._name}: no answer ({type(error).__name__})") from None
        try:
            body = answer.json() if answer.content else {}
        except ValueError:
            body = None
        if own := self._check(answer.status_code, body):
            raise own
        self._check_status(answer.status_code, answer.headers.get("Retry-After", ""))
        if body is None:
            raise RetryableError(f"{self._name}: the answer is no JSON")
        return body

    def _check_status(self, status: int, retry_after: str) -> None:
        if status < 300:
            return
        if status == 429 and retry_after.isdigit() and int(retry_after) > LONGEST_WAIT:
            raise LaterError(f"{self._name}: asks to wait {retry_after} s")
        if status in (408, 429) or status >= 500:
            raise RetryableError(f"{self._name}: answered {status}")
        whom = AUTHORISE if status in (401, 403) else "see the platform's documents"
        raise RejectedError(f"{self._name}: refused with {status}: {whom}")

    def _keep_rate(self) -> None:
        """Wait until a further call stays within the calls per minute."""
        if self._per_minute is None:
            return
        now = time.monotonic()
        while self._calls and now - self._calls[0] >= 60:
            self._calls.popleft()
        if len(self._calls) >= self._per_minute:
            time.sleep(60 - (now - self._calls[0]))
            self._calls.popleft()
        self._calls.append(time.monotonic())

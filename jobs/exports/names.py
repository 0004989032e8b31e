"""Names of audiences and numbers of accounts, as platforms take them."""

from __future__ import annotations

import hashlib
import re

from quanyu.errors import ConfigError
from quanyu.grammar.platforms.account import Account


def fitted(text: str, longest: int, letters: str = r"[\s\S]") -> str:
    """The text, if it has at most so many of the allowed letters (a character class) and no other.

    Otherwise as much of it as fits, with a hash of all of it: another text always gives another name.
    """
    if len(text) <= longest and re.fullmatch(f"{letters}+", text):
        return text
    plain = "".join(letter if re.fullmatch(letters, letter) else "_" for letter in text)
    return f"{plain[: longest - 9]}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def account_number(account: Account) -> int:
    """The account as a number. Raises ConfigError for anything else."""
    if not re.fullmatch(r"[0-9]+", account.account):
        raise ConfigError(f"platforms/{account.name}.yml: account: {account.platform} has numbers for accounts")
    return int(account.account)

"""The forms in which identifiers are compared with each other and handed around, as expressions of SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Providers to whom an address with dots in its name, or with a tag after a plus, is the same mailbox.
DOTLESS = frozenset({"gmail.com", "googlemail.com"})
TAGGED = frozenset({*DOTLESS, "outlook.com", "hotmail.com", "live.com", "icloud.com", "me.com", "proton.me",
                     "protonmail.com", "fastmail.com"})  # fmt: skip


def same_sql(kind: str, value: str) -> str:
    """Return the form in which a normalised value is compared, over two expressions: forms of one mailbox are one."""
    at = f"split_part({value}, '@', 2)"
    name = f"split_part(split_part({value}, '@', 1), '+', 1)"
    tagged, dotless = (", ".join(f"'{domain}'" for domain in sorted(some)) for some in (TAGGED - DOTLESS, DOTLESS))
    return (
        f"case when {kind} = 'email' and {at} in ({dotless}) then concat(replace({name}, '.', ''), '@gmail.com')"
        f" when {kind} = 'email' and {at} in ({tagged}) then concat({name}, '@', {at})"
        f" when {kind} = 'device' then lower({value}) else {value} end"
    )


def comparable_sql(kind: str, scope: str, value: str) -> str:
    """SQL of one text by which identifiers are the same or not, over three expressions; null without a value."""
    return f"concat({kind}, '|', {scope}, '|', {same_sql(kind, value)})"


def handed_sql(kind: str, value: str) -> str:
    """Return the texts under which a phone or an e-mail is handed around hashed, over two expressions."""
    import phonenumbers

    # What follows the code of the country, of which none begins another.
    two = ", ".join(f"'{code}'" for code in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE) if 10 <= code < 100)
    length = f"case when substring({value}, 2, 1) in ('1', '7') then 1 when substring({value}, 2, 2) in ({two}) then 2"
    national = f"substring({value}, 2 + {length} else 3 end)"
    phones = f"array({value}, substring({value}, 2), {national})"
    return f"if({kind} = 'phone', {phones}, array({value}, {same_sql(kind, value)}))"


def with_hashes(rows: DataFrame, names: Sequence[str]) -> DataFrame:
    """Each row (kind, value, `text` of comparable_sql) by its own text and by those of its hashes: names, `text`.

    Another may show a phone or an e-mail as a hash alone.
    """
    clear = rows.where("kind in ('phone', 'email')")
    handed = clear.selectExpr("kind as _kind", *names, f"explode({handed_sql('kind', 'value')}) as handed")
    texts = rows.select(*names, "text")
    for name, sql in {"sha256": "sha2(handed, 256)", "md5": "md5(handed)"}.items():
        texts = texts.unionByName(handed.selectExpr(*names, f"concat(_kind, '_{name}||', {sql}) as text"))
    return texts

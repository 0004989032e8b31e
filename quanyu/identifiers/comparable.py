"""SQL of the forms in which identifiers are compared and hashed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Providers for whom dots in the name, or a tag after a plus, lead to the same mailbox.
DOTLESS = frozenset({"gmail.com", "googlemail.com"})
TAGGED = frozenset({*DOTLESS, "outlook.com", "hotmail.com", "live.com", "icloud.com", "me.com", "proton.me",
                     "protonmail.com", "fastmail.com"})  # fmt: skip


def comparison_form_sql(kind: str, value: str) -> str:
    """SQL of the form in which a normalised value is compared. Spellings of one mailbox become equal."""
    at = f"split_part({value}, '@', 2)"
    name = f"split_part(split_part({value}, '@', 1), '+', 1)"
    tagged, dotless = (", ".join(f"'{domain}'" for domain in sorted(some)) for some in (TAGGED - DOTLESS, DOTLESS))
    return (
        f"case when {kind} = 'email' and {at} in ({dotless}) then concat(replace({name}, '.', ''), '@gmail.com')"
        f" when {kind} = 'email' and {at} in ({tagged}) then concat({name}, '@', {at})"
        f" when {kind} = 'device' then lower({value}) else {value} end"
    )


def comparable_sql(kind: str, scope: str, value: str) -> str:
    """SQL of one text that is equal for equal identifiers; null without a value."""
    return f"concat({kind}, '|', {scope}, '|', {comparison_form_sql(kind, value)})"


def national_sql(e164: str) -> str:
    """SQL of a phone number without its plus and country code."""
    import phonenumbers

    # The national number follows the country code. No country code is a prefix of another.
    two = ", ".join(f"'{code}'" for code in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE) if 10 <= code < 100)
    length = f"case when substring({e164}, 2, 1) in ('1', '7') then 1 when substring({e164}, 2, 2) in ({two}) then 2"
    return f"substring({e164}, 2 + {length} else 3 end)"


def hashable_spellings_sql(kind: str, value: str) -> str:
    """SQL of an array: the spellings under which others may hash a phone or an e-mail."""
    phones = f"array({value}, substring({value}, 2), {national_sql(value)})"
    return f"if({kind} = 'phone', {phones}, array({value}, {comparison_form_sql(kind, value)}))"


def with_hashes(rows: DataFrame, names: Sequence[str]) -> DataFrame:
    """Rows (kind, value, `text` of comparable_sql) with their own text and the texts of their hashes: names, `text`.

    Another source may deliver a phone or an e-mail as a hash only.
    """
    clear = rows.where("kind in ('phone', 'email')")
    handed = clear.selectExpr("kind as _kind", *names, f"explode({hashable_spellings_sql('kind', 'value')}) as handed")
    texts = rows.select(*names, "text")
    for name, sql in {"sha256": "sha2(handed, 256)", "md5": "md5(handed)"}.items():
        texts = texts.unionByName(handed.selectExpr(*names, f"concat(_kind, '_{name}||', {sql}) as text"))
    return texts

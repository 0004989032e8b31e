"""数据银行 (Brand Databank) of Alibaba: files for its page of own consumers.

No public interface for uploads was found. Sources, read 2026: help.aliyun.com 420456 and 150467 (sizes and pushes a
year), 168978 and 420397 (identifiers, encryption; Taobao OUID goes alone). As with 达摩盘, neither headers nor the form
before hashing are documented. IMSI, which it takes too, is no identifier of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from jobs.exports.files.file_drop import FileDrop, SeedFile
from jobs.exports.files.file_parts import Layout
from jobs.exports.hashing import IdFormat
from jobs.exports.platform import ApiLimits
from quanyu.grammar.platforms.categories import SENSITIVE_BY_LAW_OF_CHINA

# Pushed and, after matching, at least (420456). OUID has limits of its own.
LEAST_SENT, MOST_SENT, LEAST_MATCHED = 5_000, 200_000_000, 2_000
LEAST_OUIDS, MOST_OUIDS = 2_000, 10_000_000
PUSHES_A_YEAR = 5_000
STEPS = (
    "upload each file whose `problem` is null on the page of own consumers of 数据银行, with its identifier and hash",
    f"a brand has {PUSHES_A_YEAR:,} uploads a year: upload an audience again only on days on which it is used",
    "replace the audience of the day before; delete it there if nobody is left or the file is too small",
    "type the matched count that the page shows into the feed audience_counts: no interface gives it",
)


class Databank(FileDrop):
    """One CSV per kind of identifier for the upload page of 数据银行; Taobao's OUID as it is, in a file of its own."""

    name = "databank"
    forms: ClassVar[Mapping[str, IdFormat]] = {
        "phone": IdFormat("national_cn", "sha256"),
        "email": IdFormat("lower_trim", "md5"),
        "nick": IdFormat("as_given", "md5"),
        "device:imei": IdFormat("lower", "md5"),
        "device:idfa": IdFormat("upper", "md5"),
        "device:mac": IdFormat("upper_bare", "md5"),
        "device:oaid": IdFormat("as_given", "md5"),
        # Taobao gives it out encrypted, and takes it back as it is (420397).
        "ouid:taobao": IdFormat("as_given", "none"),
    }
    layout = Layout(suffix=".csv", header=False)
    files = (
        *(SeedFile((identifier,), LEAST_SENT, MOST_SENT) for identifier in tuple(forms)[:-1]),
        SeedFile(("ouid:taobao",), LEAST_OUIDS, MOST_OUIDS),
    )
    limits, forbids = ApiLimits(batch=MOST_SENT, least=LEAST_MATCHED), SENSITIVE_BY_LAW_OF_CHINA
    steps = STEPS

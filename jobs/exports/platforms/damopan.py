"""达摩盘, the audience console of Taobao and Tmall: files for its page 人群 > 一方数据上传.

No public interface for uploads was found. Sources, read 2026: help.aliyun.com 420461 (sizes), 420469 (identifiers and
encryption) and 420470, which describe how Quick Audience pushes a CSV there. They do not say how a column is named, so
that the files have no header: one value a line. How values are written before hashing is not documented either; we
take 11 digits for phones and the case in which each maker shows its device ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from jobs.exports.files.file_drop import FileDrop, SeedFile
from jobs.exports.files.file_parts import Layout
from jobs.exports.hashing import IdFormat
from jobs.exports.platform import ApiLimits
from quanyu.grammar.platforms.categories import SENSITIVE_BY_LAW_OF_CHINA

# "Greater than 2000 and less than 50 million" are pushed; after matching "greater than 1000" (420461).
LEAST_SENT, MOST_SENT, LEAST_MATCHED = 2_001, 49_999_999, 1_001
STEPS = (
    "open 人群 > 一方数据上传 on 达摩盘 and upload each file whose `problem` is null, with its identifier and hash",
    "replace the audience of the day before; delete it there if nobody is left or the file is too small",
    "type the matched count that the page shows into the feed audience_counts: no interface gives it",
)


class Damopan(FileDrop):
    """One CSV per kind of identifier for the upload page of 达摩盘: phones by SHA-256, all others by MD5."""

    name = "damopan"
    # SHA-256 is for phones alone, and a file has one kind of hash (420469, 420470).
    forms: ClassVar[Mapping[str, IdFormat]] = {
        "phone": IdFormat("national_cn", "sha256"),
        "email": IdFormat("lower_trim", "md5"),
        "nick": IdFormat("as_given", "md5"),
        "member:taobao": IdFormat("as_given", "md5"),
        "device:imei": IdFormat("lower", "md5"),
        "device:idfa": IdFormat("upper", "md5"),
    }
    layout = Layout(suffix=".csv", header=False)
    files = tuple(SeedFile((identifier,), LEAST_SENT, MOST_SENT) for identifier in forms)
    limits, forbids = ApiLimits(batch=MOST_SENT, least=LEAST_MATCHED), SENSITIVE_BY_LAW_OF_CHINA
    steps = STEPS

"""Files of each platform, read back as its own page or program would."""

import base64
import csv
import hashlib
import io
import json
from datetime import date

import pyarrow as pa
import pytest

from jobs.exports.platforms.damopan import Damopan
from jobs.exports.platforms.databank import Databank
from jobs.exports.platforms.liveramp import LiveRamp
from jobs.exports.platforms.trade_desk import TradeDesk
from quanyu.errors import ConfigError, RejectedError
from quanyu.files import folder
from quanyu.grammar.platforms.account import Account

DAY = date(2025, 2, 3)
FACTS = {"name": "quanyu", "home": "one", "purpose": "ads", "counts": {}}


def account(**more):
    return Account(name="main", file="main.yml", describes="d", owner="o", platform="p", account="7", **more)


def hashes(algorithm, count, salt=""):
    return sorted(hashlib.new(algorithm, f"{salt}{n}".encode()).hexdigest() for n in range(count))


def batches(platform, **values):
    """A batch per file, by columns of values; the other columns are null."""
    length = max(len(column) for column in values.values())
    columns = [pa.array(values.get(name) or [None] * length, pa.string()) for name in platform.columns()]
    return pa.record_batch(columns, names=list(platform.columns()))


def delivered(tmp_path, platform, rows, options=None):
    """The manifest, and the bytes of each part by name."""
    opened = platform(staging=tmp_path, account=account(options=options or {}))
    bucket = folder(tmp_path / "out")
    opened.deliver(bucket, "quiet_regulars", DAY, iter(rows), platform.columns(), FACTS)
    files = {key.rpartition("/")[2]: bucket.get(key) for key in bucket.list(f"quanyu/{platform.name}/7/")}
    assert "_SUCCESS" in files
    return json.loads(files["_MANIFEST.json"]), {name: data for name, data in files.items() if name[0] != "_"}


@pytest.mark.parametrize("platform", [Damopan, Databank])
def test_alibabas_pages_take_one_value_a_line_and_one_kind_of_hash_a_file(tmp_path, platform):
    phones, emails = hashes("sha256", 6_000), hashes("md5", 30)
    rows = [batches(platform, phone_sha256=phones), batches(platform, email_md5=emails)]
    manifest, files = delivered(tmp_path, platform, rows)
    assert files["full-phone_sha256-00000.csv"].decode().splitlines() == phones
    assert files["full-email_md5-00000.csv"].decode().splitlines() == emails
    assert len(files) == 2
    by_first = {file["identifiers"][0]: file for file in manifest["files"]}
    assert by_first["phone"]["problem"] is None
    assert by_first["email"]["problem"].startswith("30 rows: the platform refuses fewer than")
    assert {kind for kind in manifest["forms"] if manifest["forms"][kind]["hash"] == "sha256"} == {"phone_sha256"}
    assert any("audience_counts" in step for step in manifest["steps"])


def test_databank_takes_ouids_as_they_are_with_limits_of_their_own(tmp_path):
    ouids = sorted(f"AAH{n:05}xY-" for n in range(2_000))
    manifest, files = delivered(tmp_path, Databank, [batches(Databank, ouid_taobao=ouids)])
    assert files["full-ouid_taobao-00000.csv"].decode().splitlines() == ouids
    assert [file["problem"] for file in manifest["files"]] == [None] * len(manifest["files"])
    assert [kind for kind, form in manifest["forms"].items() if form["hash"] == "none"] == ["ouid_taobao"]


def test_the_trade_desk_takes_44_characters_a_line_and_is_told_to_replace(tmp_path):
    raw = sorted(base64.b64encode(hashlib.sha256(f"{n}".encode()).digest()).decode() for n in range(1_500))
    manifest, files = delivered(tmp_path, TradeDesk, [batches(TradeDesk, email_sha256_base64=raw)])
    lines = files["full-email_sha256_base64-00000.txt"].decode().splitlines()
    assert lines == raw and {len(base64.b64decode(line)) for line in lines} == {32}
    assert manifest["request"] == {
        "PiiType": "EmailHashedUnifiedId2", "MergeMode": "Replace", "RetentionEnabled": True
    }  # fmt: skip
    assert manifest["files"][0]["problem"] is None


def test_liveramp_takes_quoted_columns_with_the_segment_and_device_ids_apart(tmp_path):
    emails, phones, devices = hashes("sha256", 40), hashes("sha1", 20, "p"), hashes("sha1", 24, "d")
    known = sorted(
        zip([*[None] * 5, *emails], [*phones, *[None] * 25], strict=True), key=lambda row: [v or "" for v in row]
    )
    both = batches(LiveRamp, email_sha256=[row[0] for row in known], phone_sha1=[row[1] for row in known])
    manifest, files = delivered(tmp_path, LiveRamp, [both, batches(LiveRamp, device_idfa_sha1=devices)])
    text = files["full-email_sha256-phone_sha1-00000.csv"].decode()
    header, *lines = csv.reader(io.StringIO(text))
    assert header == ["EMAIL1_SHA-256", "PHONE1_SHA-1", "QUIET_REGULARS"]
    assert [(email or None, phone or None) for email, phone, _ in lines] == known
    assert {line[2] for line in lines} == {"1"}
    assert text.splitlines()[-1].count('"') == 6 - 2 * (known[-1][1] is None)
    assert files["full-device_idfa_sha1-00000.csv"].decode().splitlines()[0] == '"IDFA_SHA-1","QUIET_REGULARS"'
    assert [file["problem"] for file in manifest["files"]] == [
        None, "24 rows: the platform refuses fewer than 25; delete an earlier upload there", None
    ]  # fmt: skip


@pytest.mark.parametrize("platform", [LiveRamp, TradeDesk])
def test_hashed_phones_of_the_eu_are_refused(tmp_path, platform):
    with pytest.raises(ConfigError, match="phones of the EU"):
        delivered(tmp_path, platform, [], {"region": "eu"})
    opened = platform(staging=tmp_path, account=account(options={"region": "eu"}))
    email = [platform.forms["email"].column("email")]
    nobody = opened.deliver(folder(tmp_path / "eu"), "a", DAY, iter([]), tuple(email), FACTS)
    assert (nobody.parts, nobody.rows) == (0, 0)


def test_a_set_of_nobody_says_to_delete_the_audience(tmp_path):
    manifest, files = delivered(tmp_path, Damopan, [])
    assert files == {} and manifest["problem"].startswith("nobody is left: delete the audience")


def test_a_value_that_the_file_cannot_hold_is_refused_without_showing_it(tmp_path):
    with pytest.raises(RejectedError) as error:
        delivered(tmp_path, Databank, [batches(Databank, ouid_taobao=["Ann, of Leeds"])])
    assert "Ann" not in str(error.value)


@pytest.mark.parametrize("platform", [Damopan, Databank, LiveRamp, TradeDesk])
def test_every_identifier_is_in_one_file_and_the_platform_declares_itself(platform):
    listed = [identifier for file in platform.seed_files() for identifier in file.identifiers]
    assert sorted(listed) == sorted(platform.identifiers())
    assert platform.problems() == []

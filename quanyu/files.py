"""Access to buckets: a folder, or any S3-compatible service, with the same five methods and errors."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from quanyu.errors import ConfigError, QuanyuError, RejectedError, RetryableError

STAGING = ".staging"  # unfinished files of a folder bucket; never listed
LITTER_SECONDS = 86_400
THROTTLED = {"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "RequestLimitExceeded"}


class Bucket(Protocol):
    """A key-value store of files. Keys are relative paths with slashes. A put is atomic."""

    @property
    def location(self) -> str:
        """URL or path of the bucket, without credentials."""

    def put(self, key: str, data: bytes | Path) -> None:
        """Write bytes, or a file's content, and replace an existing object. It is durable when this returns."""

    def get(self, key: str) -> bytes:
        """Return the content. Raises FileNotFoundError if there is none."""

    def list(self, prefix: str) -> list[str]:
        """Return all keys that begin with the prefix (any text, not only folders), sorted."""

    def delete(self, key: str) -> None:
        """Remove a key. A missing key is no error."""


def open_bucket(url: str, **options: str | None) -> Bucket:
    """Open s3://bucket/prefix, or a folder by path or file:///path. `options` are those of s3()."""
    parts = urlsplit(url)
    scheme = parts.scheme
    if scheme == "s3":
        return s3(url, **options)
    if scheme in ("", "file"):
        if scheme and (parts.query or parts.fragment):
            raise ConfigError(f"{url!r} names no folder: write ? as %3F and # as %23, or the path without file://")
        return folder(unquote(parts.path) if scheme else url)
    raise ConfigError(f"A destination cannot be {scheme}://; allowed: s3://bucket/prefix, or the path of a folder.")


def folder(path: str | Path) -> FolderBucket:
    """Open a folder as a bucket, and create it if it is missing."""
    return FolderBucket(Path(path))


def s3(
    url: str,
    endpoint_url: str | None = None,
    region: str | None = None,
    access_key: str | None = None,
    secret_key: str | None = None,
) -> S3Bucket:
    """Open s3://bucket/prefix. Without both keys, boto3's own credential chain is used."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
        raise ConfigError(f"{url!r} names no bucket; it looks like s3://bucket/prefix.")
    if bool(access_key) != bool(secret_key):
        raise ConfigError(f"{url}: give both access_key and secret_key, or neither.")
    client = _client(endpoint_url, region, access_key, secret_key)
    return S3Bucket(client, parts.netloc, parts.path.strip("/"))


class FolderBucket:
    """A bucket in a folder. Files are written to a temporary name, flushed and renamed, so that a put is atomic."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        with _translated_disk_errors(str(self.root)):
            (self.root / STAGING).mkdir(parents=True, exist_ok=True)
            _sweep(self.root / STAGING)

    @property
    def location(self) -> str:
        """The folder's absolute path."""
        return str(self.root)

    def put(self, key: str, data: bytes | Path) -> None:
        """Write to a temporary file and rename it. The folder entry is flushed too."""
        target = self._path(key)
        staged = self.root / STAGING / uuid.uuid4().hex
        with _translated_disk_errors(key):
            try:
                _write_durably(staged, data)
                target.parent.mkdir(parents=True, exist_ok=True)
                staged.replace(target)
                _flush_folder(target.parent)
            finally:
                staged.unlink(missing_ok=True)

    def get(self, key: str) -> bytes:
        """Return the content. Raises FileNotFoundError if there is none."""
        path = self._path(key)
        if not path.is_file():
            raise FileNotFoundError(key)
        with _translated_disk_errors(key):
            return path.read_bytes()

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with the prefix, sorted as S3 sorts them, by bytes."""
        # The part up to the last slash is a folder: the rest of the tree is not walked.
        base = self._path(prefix.rpartition("/")[0]) if "/" in prefix else self.root
        files = (path.relative_to(self.root) for path in base.rglob("*") if path.is_file())
        keys = (path.as_posix() for path in files if path.parts[0] != STAGING)
        return sorted((key for key in keys if key.startswith(prefix)), key=str.encode)

    def delete(self, key: str) -> None:
        """Remove the file. Empty folders stay, since a bucket consists of keys only."""
        with _translated_disk_errors(key):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.root / _checked(key)


class S3Bucket:
    """A prefix of an S3 bucket. Error messages contain no credentials."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""

    @property
    def location(self) -> str:
        """The URL, without a trailing slash."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def put(self, key: str, data: bytes | Path) -> None:
        """Write in one request, or in parts if a file is large. S3 shows only complete objects."""
        full = self.prefix + _checked(key)
        with _translated_s3_errors(self.location, key):
            if isinstance(data, Path):
                self._client.upload_file(str(data), self.bucket, full)
            else:
                self._client.put_object(Bucket=self.bucket, Key=full, Body=data)

    def get(self, key: str) -> bytes:
        """Return the content. Raises FileNotFoundError if there is none."""
        with _translated_s3_errors(self.location, key):
            content: bytes = self._client.get_object(Bucket=self.bucket, Key=self.prefix + _checked(key))["Body"].read()
            return content

    def list(self, prefix: str) -> list[str]:
        """Return all keys that begin with the prefix, over all pages, without the bucket's own prefix."""
        with _translated_s3_errors(self.location, prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix + prefix
            )
            return [item["Key"][len(self.prefix) :] for page in pages for item in page.get("Contents", [])]

    def delete(self, key: str) -> None:
        """Remove a key. A missing key is no error."""
        with _translated_s3_errors(self.location, key):
            self._client.delete_object(Bucket=self.bucket, Key=self.prefix + _checked(key))


def _checked(key: str) -> str:
    parts = PurePosixPath(key).parts
    if not key or key.startswith("/") or "\\" in key or "\0" in key or ".." in parts or parts[:1] == (STAGING,):
        raise ConfigError(f"{key!r} cannot name a file in a bucket: use a relative path without '..'.")
    return key


def _write_durably(path: Path, data: bytes | Path) -> None:
    with path.open("xb") as out:
        if isinstance(data, Path):
            with data.open("rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)
        else:
            out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(staging: Path) -> None:
    # Remains of killed writers; newer files may belong to a running writer.
    for path in staging.iterdir():
        if time.time() - path.stat().st_mtime > LITTER_SECONDS:
            path.unlink(missing_ok=True)


@contextmanager
def _translated_disk_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (PermissionError, NotADirectoryError, FileExistsError, IsADirectoryError) as error:
        raise ConfigError(f"{what} cannot be written or read: {error.strerror} ({error.filename}).") from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RetryableError(f"{what} could not be written or read: {error.strerror}.") from error


def _client(endpoint_url: str | None, region: str | None, access_key: str | None, secret_key: str | None) -> Any:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 3},
        # Other S3-compatible services refuse Amazon's newer checksum trailers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint_url,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=config,
        )
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f"S3 cannot be set up: {type(error).__name__}; check endpoint_url and region.") from error


@contextmanager
def _translated_s3_errors(location: str, key: str) -> Iterator[None]:
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _translated(error, location, key) from error
    except S3UploadFailedError as error:
        cause = error.__context__
        if isinstance(cause, ClientError):
            raise _translated(cause, location, key) from error
        raise RetryableError(f"{location}: {key} could not be uploaded.") from error
    except BotoCoreError as error:
        raise _unanswered(error, location) from error


def _translated(error: Any, location: str, key: str) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchKey" or (code == "404" and status == 404):
        return FileNotFoundError(key)
    if status >= 500 or status == 429 or code in THROTTLED:
        return RetryableError(f"{location} is busy or broken (HTTP {status} {code}); try again later.")
    if code == "NoSuchBucket":
        return RejectedError(f"{location}: there is no such bucket; create it or correct the destination.")
    if status in (401, 403):
        return RejectedError(f"{location} refused us ({code}): check the credentials and what they may do there.")
    return RejectedError(f"{location} refused {key} (HTTP {status} {code}).")


def _unanswered(error: Exception, location: str) -> QuanyuError:
    from botocore import exceptions as boto

    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        return ConfigError(f"{location}: no credentials; set access_key and secret_key, or AWS_PROFILE and the like.")
    if isinstance(error, boto.ParamValidationError | boto.InvalidRegionError):
        return ConfigError(f"{location}: the destination is malformed ({type(error).__name__}).")
    return RetryableError(f"{location} did not answer ({type(error).__name__}); try again later.")

"""Delivers the set of an export to a platform that takes files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobs.exports.destination import Destination
from jobs.exports.files.file_drop import FileDrop
from jobs.exports.forms import sorted_rows
from jobs.exports.platform import Delivered
from quanyu.config.settings import Settings, secret
from quanyu.errors import ConfigError
from quanyu.files import Bucket, folder, open_bucket
from quanyu.home import home_name
from quanyu.lake.receipt import Receipt
from quanyu.run.runner import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def bucket(settings: Settings) -> Bucket:
    """Open the bucket of the settings, or the folder `exports` of the home if none is set."""
    drop = settings.drop
    if drop.bucket is None:
        return folder(settings.home / "exports")
    keys = {"access_key": secret(drop.access_key) or None, "secret_key": secret(drop.secret_key) or None}
    return open_bucket(drop.bucket, endpoint_url=drop.endpoint, region=drop.region, **keys)


def deliver(
    context: Context, receipt: Receipt, destination: Destination, audience: str, addresses: DataFrame,
    facts: Mapping[str, Any],
) -> Delivered:  # fmt: skip
    """Write the addresses (customer_id, identifier, formed, recorded_on) as the set of the day.

    The manifest says `facts` besides: `counts`, `definition`, `purpose`.
    """
    platform = destination.platform
    if not issubclass(platform, FileDrop):
        raise ConfigError(f"{destination.name}: {platform.name} takes no files")
    common = {
        "hash": {kind: form.hash for kind, form in destination.forms.items()}, "tables": receipt.inputs,
        "name": context.settings.name, "home": home_name.identity(context.settings),
    }  # fmt: skip
    opened = platform(context.settings.drop.max_rows, context.lake.staging.folder(), destination.account)
    columns = tuple(form.column(name) for name, form in destination.forms.items())
    rows = sorted_rows(context, addresses, destination.forms, [file.identifiers for file in platform.seed_files()])
    return opened.deliver(bucket(context.settings), audience, context.day, rows, columns, {**facts, **common})

"""The registry of a home: opened where it is used, since MLflow takes seconds to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quanyu.run.runner import Context

if TYPE_CHECKING:
    from ml.lifecycle.registry import Registry


def registry(context: Context) -> Registry:
    """Open the registry of this home."""
    from ml.lifecycle.registry import Registry

    return Registry(context.settings.mlflow_url, context.settings.home / "mlruns")

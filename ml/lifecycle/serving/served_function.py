"""Writes a model that is one function of a Python file and its parameters, as `served_code` reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ml.lifecycle.serving import served_code


@dataclass(frozen=True)
class ServedFunction:
    """A function of a module that imports none of ours, the features that it takes, and the columns it returns."""

    module: ModuleType
    function: Callable[..., Any]
    features: tuple[str, ...]
    columns: tuple[str, ...]

    def save(self, folder: Path, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Write the parameters as JSON, and return their file and the module's by role."""
        path = folder / "parameters.json"
        names = {"function": self.function.__name__, "features": self.features, "columns": self.columns}
        path.write_text(json.dumps({**parameters, **names}, indent=1), encoding="utf-8")
        return {served_code.CODE: str(self.module.__file__), served_code.PARAMETERS: str(path)}

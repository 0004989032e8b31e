"""JSON Schema of the declarations that are written in YAML, for editors: what a file may say, with descriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from quanyu.config.settings import Settings
from quanyu.grammar.pages.kinds import YamlKind, yaml_kinds

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Fields of a model that its file does not give.
_SET_BY_LOADING = {"name", "file"}
_NOT_IN_SETTINGS = {"conf"}


def json_schema(kind: YamlKind) -> dict[str, Any]:
    """JSON Schema of a file of this kind, as it is written: `30 days` is a text, and the name is not given."""
    schema = kind.model.model_json_schema(mode="validation")
    settings = kind.model is Settings
    for name in _NOT_IN_SETTINGS if settings else _SET_BY_LOADING:
        schema["properties"].pop(name)
    required = [] if settings else [name for name in schema["required"] if name in schema["properties"]]
    return {"$schema": DIALECT, **schema, "title": kind.name, "required": required}


def write(folder: Path) -> dict[str, Path]:
    """Write the schema of every kind as KIND.json. Returns these files by the pattern of the files that they check."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for kind in yaml_kinds().values():
        files[kind.files] = folder / f"{kind.name}.json"
        files[kind.files].write_text(text(kind), encoding="utf-8")
    return files


def text(kind: YamlKind) -> str:
    """The schema as JSON."""
    return json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"

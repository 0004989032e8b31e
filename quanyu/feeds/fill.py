"""Fill: how rows of a feed become rows of one Table."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from quanyu.grammar.bounds import StrictModel


class Fill(StrictModel):
    """How rows of the feed become rows of one Table: an expression per column, which rows, and how many per key.

    A fill is named after its table. A second fill of the same table has its own name and the key `table`.
    """

    table: str = Field(description="table that it fills, if that is not the name of the fill")
    columns: dict[str, str] = Field(description="expression of each column")
    where: str | None = Field(None, description="condition of the rows that it takes")
    one_row_per: tuple[str, ...] = Field(
        (), description="`person`, or expressions of columns: rows that agree in these become one, by aggregates"
    )
    when_incomplete: Literal["hold", "mark"] = Field(
        "hold",
        description="what becomes of a row of which a part is in quarantine: held back, or published without its sums",
    )
    each: str | None = Field(
        None, description="column with a JSON list: one row for each element, named `column.member`"
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The fill as it is written in YAML: its columns stand beside its other keys, which `fill_parts` divides."""
        schema = handler.resolve_ref_schema(handler(core))
        keys = schema["properties"]
        keys.pop("columns")
        keys["one_row_per"] = {**keys["one_row_per"], "type": ["string", "array"]}
        expression = {"type": ["string", "number"], "description": "expression of the column of this name"}
        return {**schema, "required": [], "additionalProperties": expression}


def fill_parts(name: str, raw: Any) -> Any:
    """Split a fill as written in YAML (columns next to `table`, `where` and `one_row_per`) into its parts."""
    if not isinstance(raw, dict) or isinstance(raw.get("columns"), dict):
        return raw
    options = {key: raw[key] for key in _OPTIONS if key in raw}
    if isinstance(options.get("one_row_per"), str):
        options["one_row_per"] = (options["one_row_per"],)
    if wrong := [key for key, value in raw.items() if isinstance(value, bool)]:
        raise ValueError(f"{wrong[0]}: YAML reads yes, no, on, off, true and false as truth values: write it in quotes")
    columns = {key: str(value) for key, value in raw.items() if key not in _OPTIONS}
    return {"table": name, "columns": columns, **options}


_OPTIONS = ("table", "where", "one_row_per", "when_incomplete", "each")

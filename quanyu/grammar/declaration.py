"""Base of all declarations: strict YAML, names, and one error that lists every mistake."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from quanyu.errors import ConfigError, ExpressionError, Problem, nearest
from quanyu.grammar.bounds import Bounded, Sentence, days_error
from quanyu.grammar.yaml_file import load_yaml
from quanyu.printable import printable

NAME = re.compile(r"^[a-z][a-z0-9_]*$")
# Keys by their earlier names.
RENAMED = {"wins": "survivorship"}
LONGEST_SHOWN = 200


def days_in(value: Any, number: str = r"\d+") -> int | None:
    """Read a number of days such as `30 days`; None for anything else. `number` is the pattern of the number."""
    match = re.fullmatch(rf"({number}) days?", str(value))
    return int(match.group(1)) if match else None


# How editors know a share, and a number of days.
ShareText = Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*%$", examples=["10 %"])]
DaysText = Annotated[str, Field(pattern=r"^\d+ days?$", examples=["30 days"])]


def _share(value: Any) -> Any:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value) if isinstance(value, str) else None
    if isinstance(value, str) and not match:
        raise ValueError("a share is written as `10 %`")
    return float(match.group(1)) / 100 if match else value


# A share from 0 to 1, written as `10 %` or as a number.
Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(_share, json_schema_input_type=float | ShareText)]


def written_days(what: str, example: str, least: int = 1) -> BeforeValidator:
    """Return the validator of a field such as `30 days`; `what` names the field in messages."""

    def read(value: Any) -> int:
        days = days_in(value)
        if days is None:
            raise ValueError(f"{what} is written as `{example}`")
        if words := days_error(days, least):
            raise ValueError(f"{words}, written as `{example}`")
        return days

    return BeforeValidator(read, json_schema_input_type=DaysText)


class Problems:
    """Collects mistakes, so that one error reports all of them."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, file: str, key: str, message: str) -> None:
        """Add one mistake."""
        self.found.append(Problem(file, key, message))

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Add the mistakes of a ConfigError that is raised inside."""
        try:
            yield
        except ConfigError as error:
            self.found += [p if isinstance(p, Problem) else Problem("", "", p) for p in error.problems]

    @contextmanager
    def capture(self, file: str, key: str) -> Iterator[None]:
        """Add an ExpressionError that is raised inside as a mistake of a key."""
        try:
            yield
        except ExpressionError as error:
            self.add(file, key, str(error))

    def check(self) -> None:
        """Raise one ConfigError with all mistakes, if there are any."""
        if self.found:
            raise ConfigError(list(dict.fromkeys(self.found)))


class YamlDeclaration(Bounded):
    """A declaration that is a YAML file: frozen, without unknown keys, named by its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str] = "declaration"

    name: str
    file: str
    describes: Sentence = Field(description="say in a sentence what it is")
    owner: Sentence = Field(description="the team that answers for it")

    @classmethod
    def load(cls, path: Path) -> Any:
        """Read one file and validate its keys and types. Raises ConfigError with all mistakes."""
        raw = load_yaml(path)
        problems = Problems()
        if not NAME.match(path.stem):
            problems.add(str(path), "", f"{path.stem!r} is no name: lower case letters, digits and _")
        for key in ("name", "file"):
            if key in raw:
                problems.add(str(path), key, "not to be given: a declaration is named by its file")
        try:
            declaration = cls.model_validate({**raw, "name": path.stem, "file": str(path)})
        except ValidationError as error:
            for item in error.errors():
                problems.add(str(path), ".".join(map(str, item["loc"])), explain(cls, item))
            declaration = None
        problems.check()
        return declaration

    def digest(self) -> str:
        """Hash of the declaration, for receipts."""
        return digest(self.model_dump(mode="json", exclude={"file"}))


def snake_case(name: str) -> str:
    """The name of a class in small letters, such as `product_sales` of ProductSales."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def file_of(declared: type) -> str:
    """Path of the file that declares a class; its module's name if there is no file."""
    return getattr(sys.modules.get(declared.__module__), "__file__", None) or declared.__module__


def digest(value: Any) -> str:
    """Hash a JSON-like value; the order of keys does not matter. Returns 16 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def explain(model: type[BaseModel], item: Any) -> str:
    """Explain one of pydantic's errors: the value that is wrong, and what is allowed."""
    if item["type"] == "missing":
        inner = _model_at(model, item["loc"][:-1])
        field = inner.model_fields.get(str(item["loc"][-1])) if inner else None
        return f"is missing: {field.description}" if field and field.description else "is missing"
    if item["type"] == "extra_forbidden":
        key, allowed = str(item["loc"][-1]), _fields(model, item["loc"][:-1])
        return (
            f"is now called {RENAMED[key]}" if RENAMED.get(key) in allowed else f"unknown key; {nearest(key, allowed)}"
        )
    if item["type"] == "string_type" and isinstance(item.get("input"), bool | int | float):
        kind = "a truth value" if isinstance(item["input"], bool) else "a number"
        return f"YAML reads what is written here (yes, no, on, off, true, 123) as {kind}: write it in quotes"
    message: str = item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error" and item.get("input") is None:
        return message
    # A secret that was written in place of its reference must not appear in a log.
    value = "what is given" if _holds_secret(message, item.get("input")) else _short(item.get("input"))
    if message.startswith("Input should be "):
        return f"{value} is not allowed; allowed: {message.removeprefix('Input should be ')}"
    return f"{value} is not allowed: {message}"


def _holds_secret(message: str, value: Any) -> bool:
    """Whether the field is a secret, or the value is an address with a login."""
    return message.startswith("a secret") or re.search(r"//[^/\s]*@", str(value)) is not None


def _short(value: Any) -> str:
    text = repr(value)
    return printable(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")


def _fields(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Names of the fields at a place inside a model that a file may give."""
    inner = _model_at(model, path)
    return [name for name in inner.model_fields if name not in ("name", "file") or inner is not model] if inner else []


def _model_at(model: type[BaseModel], path: tuple[Any, ...]) -> type[BaseModel] | None:
    """The model at a place inside another one, by annotations; None if there is no model."""
    at: Any = model
    for part in path:
        at = at.model_fields[part].annotation if _is_model(at) and part in at.model_fields else at
        at = next((arg for arg in _leaves(at) if _is_model(arg)), at)
    return at if _is_model(at) else None


def _leaves(annotation: Any) -> Iterator[Any]:
    args = getattr(annotation, "__args__", ())
    if not args:
        yield annotation
    for arg in args:
        yield from _leaves(arg)


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)

"""@job: a pure function from DataFrames to one DataFrame, with the tables it reads and writes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from quanyu.errors import ConfigError, Problem, nearest
from quanyu.fingerprint import fingerprint
from quanyu.grammar.declaration import digest
from quanyu.grammar.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


# What a job may take besides tables: the records of persons that were known, with their customers, and the order of
# sources by column of customers, the table that the job writes, with the columns that a conf folder adds, and customers
# with the tags that the job declares.
EXTRA_INPUTS = ("records", "survivorship", "table", "tags")


class TagsOfDay(Protocol):
    """Tags that a job takes, by name."""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, as `scene.tag`."""

    def on(self, context: Any, day: date, began: date | None = None) -> DataFrame:
        """Customers of a day with these tags as of it: customer_id and, for `scene.tag`, scene__tag.

        Customers are those of today; if the first day of the log of ids is given, those that were valid on the day.
        """


@dataclass(frozen=True)
class Job:
    """A declared job. `extra_inputs` names what the function takes besides the tables that it reads (EXTRA_INPUTS).

    With `by_customer`, a row about a customer is made of that customer's own facts alone, which the function tells
    apart by customer_id and person_key. A frame then makes the rows of all its cutoffs at once. `tags` are those of
    customers that it takes, as of the day of its facts.
    """

    name: str
    function: Callable[..., Any]
    reads: tuple[type[Table], ...]
    writes: type[Table]
    describes: str
    extra_inputs: tuple[str, ...] = ()
    by_customer: bool = False
    tags: TagsOfDay | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> DataFrame:
        """Call the function."""
        return self.function(*args, **kwargs)  # type: ignore[no-any-return]

    def definition(self) -> str:
        """Hash of the declaration and of the module's code: a change of either runs the job again."""
        code, tags = fingerprint(self.function.__module__), self.tags.names if self.tags else ()
        return digest([self.name, [t.name for t in self.reads], self.writes.definition(), tags, code])


def job(
    reads: Sequence[type[Table]], writes: type[Table], by_customer: bool = False, tags: TagsOfDay | None = None
) -> Callable[[Callable[..., Any]], Job]:
    """Declare a function as a job. Its parameters are named after the tables it reads, then some of EXTRA_INPUTS."""

    def declare(function: Callable[..., Any]) -> Job:
        parameters = list(inspect.signature(function).parameters)
        names, extra = parameters[: len(reads)], tuple(parameters[len(reads) :])
        wanted = [table.name for table in reads]
        where = f"{function.__module__}.{function.__name__}"
        problems = []
        if names != wanted:
            problems.append(Problem(where, "reads", f"parameters are {names}, but it reads {wanted}"))
        if unknown := sorted(set(extra) - set(EXTRA_INPUTS)):
            problems.append(
                Problem(where, "", f"unknown parameter {unknown[0]!r}; {nearest(unknown[0], EXTRA_INPUTS)}")
            )
        if (tags is not None) != ("tags" in extra):
            problems.append(Problem(where, "tags", "are declared by name and taken as a parameter, or neither"))
        if tags and by_customer:
            problems.append(Problem(where, "tags", "are of all customers, not made of one customer's facts"))
        if not (function.__doc__ or "").strip():
            problems.append(Problem(where, "", "needs a docstring that says what it returns"))
        if function.__name__ != writes.name:
            problems.append(Problem(where, "writes", f"a job is named for what it writes: {writes.name}"))
        if problems:
            raise ConfigError(problems)
        describes = inspect.cleandoc(function.__doc__ or "").splitlines()[0]
        return Job(function.__name__, function, tuple(reads), writes, describes, extra, by_customer, tags)

    return declare

"""@job: a pure function from DataFrames to one DataFrame, with the tables it reads and writes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from quanyu.errors import ConfigError, Problem, nearest
from quanyu.expressions import qualifiers
from quanyu.fingerprint import fingerprint
from quanyu.grammar.declaration import digest
from quanyu.grammar.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


# What a job may take besides tables: the records of persons that were known, with their customers, and the order of
# sources by column of customers, the table that the job writes, with the columns that a conf folder adds, and customers
# with the tags that the job declares.
EXTRA_INPUTS = ("records", "survivorship", "table", "tags")
# All parameters of a job that reads its tables itself, because it asks a door that takes a context: the day, and the
# customers of persons then (source, person_key, customer_id), or None for those of today.
OF_CONTEXT = ("context", "day", "owners")


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
    apart by customer_id and person_key. A frame then makes the rows of all its cutoffs at once, and a day those of
    the customers that it touches. Rows get the columns of `refers`, as in `products.style`, of tables they refer to.
    `tags` are those of customers that it takes, as of the day of its facts. A job `of_context` takes OF_CONTEXT
    instead of tables.
    """

    name: str
    function: Callable[..., Any]
    reads: tuple[type[Table], ...]
    writes: type[Table]
    describes: str
    extra_inputs: tuple[str, ...] = ()
    by_customer: bool = False
    refers: Mapping[type[Table], tuple[str, ...]] = field(default_factory=dict)
    tags: TagsOfDay | None = None
    of_context: bool = False

    def __call__(self, *args: Any, **kwargs: Any) -> DataFrame:
        """Call the function."""
        return self.function(*args, **kwargs)  # type: ignore[no-any-return]

    def referred(self, table: type[Table]) -> list[str]:
        """Names of the tables of which rows of a table get columns."""
        return qualifiers(self.refers.get(table, ()))

    def places(self) -> tuple[str, ...]:
        """Places of the tables that it reads, with those that their rows refer to."""
        read = [f"{table.layer}/{table.name}" for table in self.reads]
        referred = [f"silver/{name}" for table in self.reads for name in self.referred(table)]
        return tuple(dict.fromkeys([*read, *referred]))

    def definition(self) -> str:
        """Hash of the declaration and of the module's code: a change of either runs the job again."""
        code, tags = fingerprint(self.function.__module__), self.tags.names if self.tags else ()
        refers = [[table.name, list(columns)] for table, columns in self.refers.items()]
        return digest([self.name, [t.name for t in self.reads], refers, self.writes.definition(), tags, code])


def job(
    reads: Sequence[type[Table]], writes: type[Table], by_customer: bool = False,
    refers: Mapping[type[Table], tuple[str, ...]] | None = None, tags: TagsOfDay | None = None,
) -> Callable[[Callable[..., Any]], Job]:  # fmt: skip
    """Declare a function as a job.

    Its parameters are named after the tables it reads, then some of EXTRA_INPUTS; or they are OF_CONTEXT.
    """

    def declare(function: Callable[..., Any]) -> Job:
        parameters = list(inspect.signature(function).parameters)
        wanted = [table.name for table in reads]
        of_context = tuple(parameters) == OF_CONTEXT
        names, extra = (wanted, ()) if of_context else (parameters[: len(reads)], tuple(parameters[len(reads) :]))
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
        return Job(
            function.__name__, function, tuple(reads), writes, describes, extra, by_customer, refers or {}, tags,
            of_context,
        )  # fmt: skip

    return declare

"""Journey: who enters, steps with outcomes, and how each ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from quanyu.errors import nearest
from quanyu.grammar.bounds import Day, StrictModel
from quanyu.grammar.declaration import Problems, YamlDeclaration, written_days
from quanyu.grammar.table import Table

Expiry = Annotated[int | None, written_days("when a message expires", "3 days", least=0)]
Wait = Annotated[int | None, written_days("a wait", "3 days", least=0)]
Reentry = Annotated[int | None, written_days("a time between two entries", "30 days", least=0)]


class MessageTemplate(StrictModel):
    """What is sent at a step. Subject and body are sandboxed templates over the customer's allowed fields."""

    channel: Literal["email"] = Field(description="how it reaches the customer")
    subject: str = Field(description="template of its subject")
    body: str = Field(description="template of its text")
    expires: Expiry = Field(None, description="days after its due day on which it may still go out, as `3 days`")


class Branch(StrictModel):
    """Two alternatives, depending on whether a fact has happened since the customer entered."""

    happened: str = Field(description="table in which a row since the entry decides")
    then: tuple[JourneyStep, ...] = Field((), description="steps if there is such a row")
    otherwise: tuple[JourneyStep, ...] = Field((), description="steps if there is none")


class JourneyStep(StrictModel):
    """One step, with exactly one of its keys."""

    wait: Wait = Field(None, description="time until the next step, as `3 days`")
    message: MessageTemplate | None = Field(None, description="message to send")
    branch: Branch | None = Field(None, description="two ways, of which one is taken")
    end: str | None = Field(None, description="name of the outcome with which the journey ends here")

    def model_post_init(self, context: Any) -> None:
        """Refuse a step with two keys or none."""
        if sum(value is not None for value in (self.wait, self.message, self.branch, self.end)) != 1:
            raise ValueError("a step is one of wait, message, branch, end")


class Journey(YamlDeclaration):
    """A program over several days. A customer who enters the audience runs through it at most once per entry."""

    kind: ClassVar[str] = "journey"

    enters: str = Field(description="audience whose newcomers enter")
    starts: Day = Field(
        description="write the first day of the journey, as `starts: 2025-02-01`; who came into the audience before it"
        " does not enter"
    )
    was: tuple[str, ...] | None = Field(
        None,
        description="names that this journey had before, whose instances it goes on with; `none` for a new journey",
    )
    reentry: Reentry = Field(
        None, description="shortest time between two entries of a person, as `30 days`; reentry_days without it"
    )
    purpose: Literal["messages"] = Field("messages", description="what a customer must have agreed to")
    goal: str = Field("orders", description="table in which a row counts as reaching the goal")
    steps: tuple[JourneyStep, ...] = Field(min_length=1, description="steps, in order")

    @field_validator("was", mode="before", json_schema_input_type=str | tuple[str, ...])
    @classmethod
    def _names(cls, value: Any) -> Any:
        if isinstance(value, str):
            return () if value == "none" else (value,)
        return value

    def problems(
        self, audiences: Iterable[str], tables: Mapping[str, type[Table]], journeys: Iterable[Journey] = ()
    ) -> Problems:
        """Check that the audience, tables and earlier names of the journey are valid."""
        problems = Problems()
        for other in journeys:
            for old in self.was or ():
                if other.name == old:
                    problems.add(self.file, "was", f"{old!r} still has a file; name only journeys without one")
                elif other.name != self.name and old in (other.was or ()):
                    problems.add(self.file, "was", f"{old!r} is a former name of {other.name!r} already; name it once")
        if self.enters not in set(audiences):
            problems.add(self.file, "enters", f"unknown audience {self.enters!r}; {nearest(self.enters, audiences)}")
        allowed = [t.name for t in tables.values() if t.personal and t.event_time]
        named = [("goal", self.goal), *(("steps.branch.happened", name) for name in _branch_tables(self.steps))]
        for key, name in named:
            if name not in allowed:
                problems.add(self.file, key, f"unknown table {name!r}; {nearest(name, allowed)}")
        return problems


def _branch_tables(steps: Iterable[JourneyStep]) -> list[str]:
    tables = []
    for step in steps:
        if step.branch:
            tables += [step.branch.happened, *_branch_tables(step.branch.then), *_branch_tables(step.branch.otherwise)]
    return tables


Branch.model_rebuild()
Journey.model_rebuild()

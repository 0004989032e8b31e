"""The page of an entity: what people read of one customer, outlet, store, product or employee, by section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import ClassVar

from pydantic import Field

from quanyu.errors import nearest
from quanyu.grammar.declaration import Problems, YamlDeclaration


class EntityPage(YamlDeclaration):
    """What the page of one entity shows first: the file's name is the entity, and `quanyu ENTITY KEY` prints it."""

    kind: ClassVar[str] = "pages"

    sections: dict[str, tuple[str, ...]] = Field(
        description="names of tags, features, scores and attributes by section, in the order in which they are read"
    )

    def problems(self, names: Collection[str]) -> Problems:
        """Check that every name is one that rules of the entity may name, and stands once."""
        problems, counts = Problems(), Counter(self.names())
        for section, listed in self.sections.items():
            for name in listed:
                if name not in names:
                    problems.add(self.file, f"sections.{section}", f"unknown name {name!r}; {nearest(name, names)}")
        for name in (name for name, count in counts.items() if count > 1):
            problems.add(self.file, "sections", f"{name} stands {counts[name]} times")
        return problems

    def names(self) -> Iterator[str]:
        """Every name of the page."""
        for listed in self.sections.values():
            yield from listed

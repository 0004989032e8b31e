"""The words of the house: names say what they hold, and no two classes share one."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("quanyu", "jobs", "ml", "features", "dags", "sample", "benchmarks", "tests")
# What happened to a value says nothing of what it is.
VAGUE = {"found", "told", "made", "kept", "taken", "known", "held", "given", "seen"}
MOST_SHARE = 0.01
# A public name that only its author understands. docs/glossary.md has the words of the field.
DIALECT = {
    "again", "alive", "anew", "asked", "asks", "bearers", "brought_to", "called", "ceased", "doubt", "fate", "fates",
    "forgotten", "found", "given", "happens", "held", "hesitations", "judged", "keep", "kept", "known", "lay",
    "likeness", "listed_in", "look", "made", "mistaken", "newest_by", "nobodys", "note", "noted", "overtaken", "parted",
    "recall", "remakes", "remember", "remembered", "retold", "seen", "shown", "standing", "stays", "take", "taken",
    "taken_back", "told", "untied", "untied_for", "untold", "walk", "walks", "weighed", "whole", "wins",
}  # fmt: skip
# Keys of YAML, columns of tables and facts in the store keep the names that homes and conf folders have.
STORED = {
    "Trait.keep", "IdentityRecords.called", "IdentityRecords.standing",
    "Deliveries.note", "Message.note", "JourneyFacts.held", "SendFacts.held",
}  # fmt: skip


def modules(*packages):
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text())


def bound(function):
    """Names that a function binds, without those of functions inside it."""
    nodes = list(ast.iter_child_nodes(function))
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        nodes += ast.iter_child_nodes(node)


def test_functions_call_what_they_bind_by_what_it_holds():
    functions, vague = 0, []
    for path, tree in modules(*PACKAGES):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions += 1
                vague += [f"{path.relative_to(ROOT)}:{node.lineno} {name}" for name in VAGUE & set(bound(node))]
    assert len(vague) < MOST_SHARE * functions, "\n".join(vague)


def test_no_two_classes_share_a_name():
    places = defaultdict(list)
    for path, tree in modules("quanyu", "jobs", "ml", "features", "dags", "sample", "benchmarks"):
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def public_names(body, owner=""):
    """Public functions and classes of a module, and methods and fields of its classes, as `Class.name`."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield owner + node.name
            yield from public_names(node.body, f"{node.name}.") if isinstance(node, ast.ClassDef) else ()
        elif owner and isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (f"{owner}{target.id}" for target in targets if isinstance(target, ast.Name))


def test_public_names_are_words_of_the_field():
    names = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, tree in modules("quanyu", "jobs", "ml", "features", "dags")
        for name in [path.stem, *public_names(tree.body)]
        if name.split(".")[-1] in DIALECT and name not in STORED
    ]
    assert names == []

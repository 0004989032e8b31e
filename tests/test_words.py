"""The words of the house: names say what they hold, and no two classes share one."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("quanyu", "jobs", "ml", "features", "dags", "sample", "benchmarks", "tests")
# What happened to a value says nothing of what it is.
VAGUE = {"found", "told", "made", "kept", "taken", "known", "held", "given", "seen"}
MOST_SHARE = 0.01


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

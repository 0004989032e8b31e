"""Architecture tests: imports, single entry points to libraries, sizes, names and docstrings."""

import ast
import json
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from quanyu import discover
from quanyu.config.settings import load_settings
from quanyu.grammar.model_spec import ModelSpec

ROOT = Path(__file__).parents[1]
PACKAGES = ("quanyu", "features", "jobs", "ml", "dags", "sample")
FILES = {str(path.relative_to(ROOT)): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}

MAY_IMPORT = {
    "quanyu": {"quanyu"},
    "features": {"features", "quanyu"},
    # Of models, audiences use the mathematics of likeness alone, which knows no step.
    "jobs": {"jobs", "quanyu", "features", "ml.lookalike"},
    "ml": {"ml", "quanyu", "features"},
    # DAGs compute nothing: they perform steps by name.
    "dags": {
        "dags.house",
        "dags.occasion",
        "quanyu.imports",
        "quanyu.errors",
        "quanyu.config.settings",
        "quanyu.run.business_days",
        "quanyu.run.faults",
        "quanyu.run.scheduler",
        "quanyu.run.tasks",
    },
    "sample": {"sample"},
}
# The generator knows nothing of the product; its command does.
BRIDGES = {"sample/commands.py"}
DOORS = {
    "delta": "quanyu/lake/",
    "deltalake": "quanyu/lake/",
    "pysail": "quanyu/engine/",
    "sqlalchemy": "quanyu/store/",
    "mlflow": "ml/lifecycle/",
    "boto3": "quanyu/files.py",
    "botocore": "quanyu/files.py",
    "airflow": "dags/",
    "importlib": "quanyu/imports.py",
    "httpx": ("jobs/exports/http.py", "jobs/alerts/webhook.py"),
    "requests": "jobs/exports/http.py",
    "smtplib": "jobs/journeys/channels/",
}
ENVIRONMENT = ("os.environ", "os.getenv", "os.putenv")
HARMLESS = ("importlib.metadata",)
DELTA = re.compile(r"delta\.`|using delta", re.IGNORECASE)
HEAVY = (
    "pyspark", "mlflow", "sklearn", "xgboost", "airflow", "matplotlib", "scipy", "boto3", "grpc", "pysail", "deltalake",
)  # fmt: skip
VAGUE = re.compile(r"(^|_)(utils?|common|helpers?|misc|v\d+)($|_|\.py)")


def imports(tree):
    """Every module that a file imports, at its top or within functions, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
            submodules = [name for name in modules if is_module(name)]
            yield from ((name, node.lineno) for name in submodules or [node.module])


def is_module(name):
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file() or name in HARMLESS


def within(name, allowed):
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in allowed)


def dotted(node):
    """Name `a.b.c` of a chain of attributes; empty if it contains anything but names."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join(reversed([*parts, node.id])) if isinstance(node, ast.Name) else ""


def called(node, name):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def text(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_imports_only_what_it_may(package):
    ours = [
        f"{file}:{line} imports {name}"
        for file, tree in TREES.items()
        if file.startswith(f"{package}/") and file not in BRIDGES
        for name, line in imports(tree)
        if name.split(".")[0] in (*PACKAGES, "tests", "service") and not within(name, MAY_IMPORT[package])
    ]
    assert ours == []


def test_the_library_names_no_module_of_other_packages_in_a_text():
    other = re.compile(rf"({'|'.join(package for package in PACKAGES if package != 'quanyu')})\.\w")
    named = [
        f"{file}:{node.lineno} {node.value}"
        for file, tree in TREES.items()
        if file.startswith("quanyu/")
        for node in ast.walk(tree)
        if other.match(text(node))
    ]
    assert named == []


@pytest.mark.parametrize("library", DOORS)
def test_each_library_has_one_door(library):
    elsewhere = [
        f"{file}:{line} imports {name}"
        for file, tree in TREES.items()
        if not file.startswith(DOORS[library])
        for name, line in imports(tree)
        if within(name, [library]) and not within(name, HARMLESS)
    ]
    assert elsewhere == []


@pytest.mark.parametrize(
    ("what", "door", "matches"),
    [
        ("Delta as a format", "quanyu/lake/", lambda n: called(n, "format") and "delta" in map(text, n.args)),
        ("Delta in SQL", "quanyu/lake/", lambda n: DELTA.search(text(n))),
        ("a Spark session", "quanyu/engine/", lambda n: dotted(n).endswith("SparkSession.builder")),
        ("the environment", "quanyu/config/settings.py", lambda n: dotted(n) in ENVIRONMENT),
        ("an import by name", "quanyu/imports.py", lambda n: isinstance(n, ast.Name) and n.id == "__import__"),
        ("os by its parts", "nowhere", lambda n: isinstance(n, ast.ImportFrom) and n.module == "os"),
    ],
)  # fmt: skip
def test_each_outside_thing_has_one_door(what, door, matches):
    elsewhere = [
        f"{file}:{node.lineno} touches {what}"
        for file, tree in TREES.items()
        if not file.startswith(door)
        for node in ast.walk(tree)
        if matches(node)
    ]
    assert elsewhere == []


def test_everything_sent_passes_the_consent_gate():
    deliver = {file for file, tree in TREES.items() if any(called(node, "deliver") for node in ast.walk(tree))}
    # Alerts go to operators, who are named in the settings.
    assert deliver == {"jobs/alerts/observer.py", "jobs/exports/files/delivery.py", "jobs/journeys/sending/send.py"}
    door = "jobs.exports.files.delivery"
    users = {file for file, tree in TREES.items() if door in {name for name, _ in imports(tree)}}
    assert users == {"jobs/exports/steps.py", "jobs/exports/files/file_destination.py"}
    ask = {file for file, tree in TREES.items() if "jobs.consent.gate" in {name for name, _ in imports(tree)}}
    assert {"jobs/exports/members.py", "jobs/journeys/sending/addresses.py"} <= ask


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("def f():\n    from jobs.ingest import steps", ["jobs.ingest.steps"]),
        ("import mlflow.sklearn as m", ["mlflow.sklearn"]),
        ("from importlib import metadata", ["importlib.metadata"]),
        ("from importlib import import_module", ["importlib"]),
    ],
)
def test_the_rules_find_nested_and_renamed_imports(source, modules):
    assert [name for name, _ in imports(ast.parse(source))] == modules


def test_functions_are_short():
    lengths = {
        f"{file}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for file, tree in TREES.items()
        for node in functions(tree)
    }
    assert {name: length for name, length in lengths.items() if length > 40} == {}
    assert statistics.median(lengths.values()) <= 8


def test_files_are_short():
    lengths = {file: len(path.read_text(encoding="utf-8").splitlines()) for file, path in FILES.items()}
    assert {file: length for file, length in lengths.items() if length > 300} == {}
    assert statistics.median(lengths.values()) <= 100


def test_names_are_not_vague():
    files = [part for file in FILES for part in Path(file).parts if VAGUE.search(part)]
    names = [
        f"{file}:{node.lineno} {node.name}"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and VAGUE.search(node.name.lower())
    ]
    assert files + names == []


def test_public_things_have_docstrings():
    silent = [
        f"{file}:{getattr(node, 'lineno', 1)} {getattr(node, 'name', 'module')}"
        for file, tree in TREES.items()
        for node in [tree, *public(tree.body)]
        if not (ast.get_docstring(node) or "").strip()
    ]
    assert silent == []


def public(body):
    """Public classes and functions of a module, and public methods of its classes."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


@pytest.fixture(scope="module", params=["conf", "examples/online_retail"])
def declared(request, tmp_path_factory):
    return discover.load(load_settings(ROOT / request.param, tmp_path_factory.mktemp("home")))


def test_every_declaration_has_a_description(declared):
    texts = {}
    for table in declared.tables.values():
        texts |= {table.name: table.__doc__, f"{table.name}: owner": table.owner}
        texts |= {f"{table.name}.{name}": column.about for name, column in table.columns.items()}
    for view in declared.views.values():
        texts |= {view.name: view.__doc__, f"{view.name}: owner": view.owner}
        texts |= {f"{view.name}.{name}": feature.about for name, feature in view.features.items()}
        texts |= {
            f"{view.name}.{name}: unit": feature.unit
            for name, feature in view.features.items()
            if view.plans(declared.tables)[name].type in ("bigint", "double")
            or view.plans(declared.tables)[name].type.startswith("decimal")
        }
    for spec in declared.models.values():
        texts |= {
            spec.name: spec.__doc__ if spec.__doc__ != ModelSpec.__doc__ else "",
            f"{spec.name}: owner": spec.owner,
        }
    for file in declared.tags.values():
        texts |= {name: tag.means for name, tag in file.named()}
    for item in [
        *declared.sources.values(),
        *declared.tags.values(),
        *declared.audiences.values(),
        *declared.journeys.values(),
    ]:
        texts |= {item.file: item.describes, f"{item.file}: owner": item.owner}
    assert [name for name, text in texts.items() if not (text or "").strip()] == []
    sentences = {name: text for name, text in texts.items() if ": " not in name and " " in (text or "")}
    assert [name for name, text in sentences.items() if not text.strip().endswith((".", ")"))] == []


def test_every_number_has_its_unit_and_every_personal_text_is_marked(declared):
    numbers = ("bigint", "int", "double", "decimal")
    counted = [
        f"{table.name}.{name}"
        for table in declared.tables.values()
        for name, column in table.columns.items()
        if column.type.startswith(numbers) and not column.unit and name not in (*table.keys, "step")
    ]
    assert counted == []
    assert declared.tables["identifiers"].columns["value"].pii


IMPORTS = """
import json, pkgutil, importlib, sys, psutil, threading
modules = ["quanyu.cli"]
for package in {packages!r}:
    root = importlib.import_module(package)
    modules += [item.name for item in pkgutil.walk_packages(root.__path__, package + ".")]
{what}
print(json.dumps({{"heavy": sorted({heavy!r} & set(sys.modules)), "children": len(psutil.Process().children()),
                  "threads": threading.active_count(), "modules": len(modules)}}))
"""


def imported(what, packages=("quanyu", "jobs", "features", "ml")):
    code = IMPORTS.format(packages=packages, heavy=set(HEAVY), what=what)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_a_module_starts_nothing_and_loads_nothing_heavy():
    report = imported("for name in modules: importlib.import_module(name)")
    assert report.pop("modules") > 60
    assert report == {"heavy": [], "children": 0, "threads": 1}


def test_loading_every_declaration_starts_nothing_and_loads_nothing_heavy():
    what = "import quanyu.cli; from quanyu import discover; from quanyu.config.settings import load_settings as load"
    what += "; discover.load(load('conf'))"
    assert imported(what)["heavy"] == []


@pytest.mark.parametrize("command", [["--help"], ["validate", "--conf", "conf"], ["run", "--help"]])
def test_the_command_line_starts_fast(command):
    # Seconds of a processor, which other work on the machine does not lengthen.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = [sys.executable, "-m", "quanyu.cli", *command]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    took = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert took < 4, f"quanyu {' '.join(command)} took {took:.2f} s"


def test_every_reference_of_a_column_is_to_a_key_of_a_table():
    tables = discover.load(load_settings(ROOT / "conf", ROOT / ".nowhere")).tables
    keys = {
        (name, column)
        for name, table in tables.items()
        for column in (None, *(key for key, column in table.columns.items() if column.alternate_key))
    }
    wrong = [
        f"{table.name}.{name} refers to {column.references}"
        for table in tables.values()
        for name, column in table.columns.items()
        if column.references and (column.references, column.references_column) not in keys
    ]
    assert wrong == []

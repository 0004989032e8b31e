"""The files of cases, loaded without pytest, for tests about all of them."""

import importlib.util
from pathlib import Path
from types import ModuleType

from specification.case import Case

TESTS = Path(__file__).parents[1]


def every() -> list[Path]:
    """Files with cases, in order."""
    own = [*TESTS.glob("features/test_*.py"), *TESTS.glob("audiences/test_*.py"), *TESTS.glob("**/test_*_spec.py")]
    return sorted(own)


def cases_in(path: Path) -> list[Case]:
    """Cases of a file, which is imported as a separate module."""
    spec = importlib.util.spec_from_file_location(f"specified_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cases_of(module)


def cases_of(module: ModuleType) -> list[Case]:
    """Every case of a module, in order."""
    return [value.case for value in vars(module).values() if isinstance(getattr(value, "case", None), Case)]

"""Records Apache Spark's results: `PYTHONPATH=.:tests:tests/engines python tests/engines/record.py` (needs Java)."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from answers import answers, same
from edges import ZONES
from spark_server import ON_SPARK

from quanyu.config.settings import load_settings
from quanyu.engine.spark import SparkEngine

EXPECTED = Path(__file__).parent / "expected.json"
HEAD = "Answers of Apache Spark 4.2.0 to the expressions of edges.py, by row; written by tests/engines/record.py"


def spark_of(folder):
    """A local server of Apache Spark in a home of its own."""
    (folder / "conf").mkdir()
    (folder / "conf" / "base.yml").write_text(ON_SPARK)
    return SparkEngine(load_settings(folder / "conf", folder / "home"))


def recorded(session):
    """Results in the first zone, and for each other zone the results that differ from it."""
    by_zone = {zone: {text: answer.values for text, answer in answers(session, zone).items()} for zone in ZONES}
    first = by_zone[ZONES[0]]
    others = {
        zone: {text: values for text, values in by_zone[zone].items() if not same(values, first[text])}
        for zone in ZONES[1:]
    }
    return {ZONES[0]: first, **others}


def written(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def lines(by_zone):
    """One line per expression, so that a diff shows what changed."""
    yield "{" + json.dumps("about") + ": " + json.dumps(HEAD)
    for zone, by_expression in by_zone.items():
        yield f", {json.dumps(zone)}: {{"
        entries = [f"{written(text)}: {written(values)}" for text, values in by_expression.items()]
        yield ",\n".join(entries)
        yield "}"
    yield "}"


def main():
    with TemporaryDirectory() as folder:
        engine = spark_of(Path(folder))
        try:
            EXPECTED.write_text("\n".join(lines(recorded(engine.session()))) + "\n", encoding="utf-8")
        finally:
            engine.stop()


if __name__ == "__main__":
    main()

"""Rules for DAGs, as Airflow itself parses them: short, owned, documented, ordered, and without effects when parsed."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from quanyu.config.settings import child_environment, load_settings
from quanyu.run.runner import Context
from quanyu.servers.airflow import airflow_environment

ROOT = Path(__file__).parents[1]
CHAIN = ["ingest", "customers", "train", "activate", "upkeep"]
# Tasks that are not steps: first and last of every DAG, and the one that fails an ingest run if a source failed.
FRAME = {"turn", "announce", "verdict"}
READ = """
import json, sys
import psutil
from airflow.dag_processing.dagbag import DagBag
bag = DagBag("dags", safe_mode=False)
def uris(assets): return [asset.uri for asset in assets]
print(json.dumps({
    "errors": bag.import_errors,
    "heavy": sorted({"pyspark", "mlflow", "sklearn", "xgboost"} & set(sys.modules)),
    "children": len(psutil.Process().children()),
    "dags": {dag.dag_id: {
        "file": dag.fileloc, "tags": sorted(dag.tags), "doc": dag.doc_md or "", "owner": dag.owner,
        "catchup": dag.catchup, "runs": dag.max_active_runs, "paused": dag.is_paused_upon_creation,
        "clock": [dag.schedule.expression, str(dag.schedule.timezone)] if hasattr(dag.schedule, "expression") else None,
        "zone": str(dag.timezone),
        "waits": uris(dag.schedule) if isinstance(dag.schedule, list) else [],
        "makes": [uri for task in dag.tasks for uri in uris(task.outlets)],
        "tasks": {task.task_id: {
            "before": sorted(task.upstream_task_ids), "retries": task.retries, "doc": task.doc_md or "",
            "owner": task.owner, "rule": str(task.trigger_rule.value), "mode": getattr(task, "mode", ""),
        } for task in dag.tasks},
    } for dag in bag.dags.values()},
}))
"""

MISTAKE = """
import json
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowFailException
def words(task):
    try:
        task.python_callable()
    except AirflowFailException as error:
        return str(error)
bag = DagBag("dags", safe_mode=False)
assert bag.import_errors == {}
print(json.dumps({name: (dag.task_ids, words(dag.tasks[0])) for name, dag in bag.dags.items() if name != "poll"}))
"""

RAISED = """
import json
from dags import house
from quanyu import errors
house.get_current_context = lambda: {"run_id": "run"}
house.occasion = lambda context: (None, True)
def what_comes_of(kind):
    def step(*given):
        raise kind("why")
    house.run_tasks.perform = step
    try:
        house._task("send", "Sends.", True).operator.python_callable()
    except Exception as error:
        assert ("why" in str(error)) == issubclass(kind, errors.QuanyuError)
        assert error.__cause__ is None and error.__suppress_context__
        return type(error).__name__
with house.house_dag("dags/activate.py", "", None, "growth", 1):
    ours = (errors.RetryableError, errors.LaterError, errors.RejectedError, errors.KeeperError)
    print(json.dumps({kind.__name__: what_comes_of(kind) for kind in (*ours, ValueError, TimeoutError)}))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def steps(home):
    """Every step of the declarations."""
    return Context(load_settings(ROOT / "conf", home), date(2024, 7, 4)).steps


@pytest.fixture(scope="module")
def read(home):
    """What Airflow reports about the DAG folder, parsed in a separate process."""
    environment = child_environment(airflow_environment(load_settings(ROOT / "conf", home)))
    line = [sys.executable, "-c", READ]
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def dags(read):
    """The DAGs of a day, each of which has steps."""
    return {name: read["dags"][name] for name in CHAIN}


def upstream(tasks, name):
    """All tasks upstream of a task, at any distance."""
    before, waiting = set(), [name]
    while waiting:
        new = set(tasks[waiting.pop()]["before"]) - before
        before |= new
        waiting += new
    return before


def test_a_task_is_retried_only_where_that_is_safe(home):
    environment = child_environment(airflow_environment(load_settings(ROOT / "conf", home)))
    line = [sys.executable, "-c", RAISED]
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ended = "AirflowFailException"
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "RetryableError": "RetryableError", "LaterError": ended, "RejectedError": ended, "KeeperError": ended,
        "ValueError": ended, "TimeoutError": "RetryableError",
    }  # fmt: skip


def test_parsing_dags_has_no_effects(read, home):
    assert read["errors"] == {}
    assert (read["heavy"], read["children"]) == ([], 0)
    assert {path.name for path in home.iterdir()} <= {"airflow"}
    assert not (home / "airflow" / "airflow.db").exists()


def test_platforms_are_asked_after_each_activation_without_holding_a_worker(read, dags):
    poll = read["dags"]["poll"]
    assert poll["waits"] == dags["activate"]["makes"]
    assert [(name, task["mode"]) for name, task in poll["tasks"].items()] == [("exports", "reschedule")]
    assert "*When it fails*" in poll["doc"] and poll["owner"] == "growth" and not poll["catchup"]


def test_each_dag_has_its_own_short_file(read):
    assert sorted(read["dags"]) == sorted([*CHAIN, "poll"])
    for name, dag in read["dags"].items():
        assert Path(dag["file"]).name == f"{name}.py"
        assert len((ROOT / "dags" / f"{name}.py").read_text().splitlines()) <= 60


def test_each_has_an_owner_a_tier_and_says_what_to_do_when_it_fails(dags):
    for name, dag in dags.items():
        assert dag["doc"].strip().startswith("# "), name
        assert "*When it fails*" in dag["doc"], name
        assert dag["owner"] not in ("", "airflow"), name
        assert [tag for tag in dag["tags"] if tag in ("tier 1", "tier 2", "tier 3")], name
        assert all(task["owner"] == dag["owner"] for task in dag["tasks"].values())


def test_each_runs_once_at_a_time_without_catching_up(dags):
    assert {(dag["catchup"], dag["runs"]) for dag in dags.values()} == {(False, 1)}


def test_only_the_first_dag_is_scheduled_in_the_zone_of_the_retailer(dags):
    assert {name: dags[name]["clock"] for name in CHAIN if dags[name]["clock"]} == {
        "ingest": ["0 5 * * *", "Asia/Shanghai"]
    }
    assert {dag["zone"] for dag in dags.values()} == {"Asia/Shanghai"}
    # Not paused: no scheduler runs unless an engineer starts it.
    assert [name for name in CHAIN if dags[name]["paused"]] == []


def test_every_dag_waits_for_its_turn_first(dags):
    for name, dag in dags.items():
        assert all("turn" in upstream(dag["tasks"], task) for task in dag["tasks"] if task != "turn"), name


def test_assets_chain_the_dags(dags):
    for before, after in pairwise(CHAIN):
        assert dags[after]["waits"] == dags[before]["makes"], after
        assert len(dags[before]["makes"]) == 1


def test_every_step_is_a_task_of_exactly_one_dag(dags, steps):
    tasks = Counter(task for dag in dags.values() for task in dag["tasks"] if task not in FRAME)
    assert tasks == Counter(dict.fromkeys(steps, 1))


def test_every_task_is_retried_and_described(dags):
    for dag in dags.values():
        for name, task in dag["tasks"].items():
            if name not in FRAME:
                assert task["retries"] >= 1, name
                assert task["doc"].strip(), name


def test_readers_of_a_table_run_after_its_writers(dags, steps):
    place = {task: (CHAIN.index(dag), dag) for dag in dags for task in dags[dag]["tasks"] if task not in FRAME}
    order = list(steps)
    for writer in order:
        for reader in order:
            if writer != reader and set(steps[writer].writes) & set(steps[reader].reads):
                message = f"{reader} reads what {writer} writes"
                assert place[writer][0] <= place[reader][0], message
                if place[writer][0] == place[reader][0]:
                    assert writer in upstream(dags[place[writer][1]]["tasks"], reader), message


def test_writers_of_one_table_never_run_at_the_same_time(dags, steps):
    for dag in dags.values():
        names = [name for name in dag["tasks"] if name in steps]
        for first in names:
            for second in names:
                if first != second and set(steps[first].writes) & set(steps[second].writes):
                    assert first in upstream(dag["tasks"], second) or second in upstream(dag["tasks"], first), (
                        first,
                        second,
                    )


def test_the_asset_is_announced_after_all_of_a_dag(dags):
    for name, dag in dags.items():
        assert upstream(dag["tasks"], "announce") == set(dag["tasks"]) - {"announce", "verdict"}, name


def test_a_failed_source_fails_the_run_but_not_the_tasks_after_it(dags):
    """An Airflow run has the state of its leaf tasks: one leaf task must fail if a source fails."""
    tasks = dags["ingest"]["tasks"]
    assert set(tasks["verdict"]["before"]) == {name for name in tasks if name not in FRAME}
    assert (tasks["verdict"]["rule"], tasks["announce"]["rule"]) == ("all_success", "all_done")
    assert [name for name in dags if "verdict" in dags[name]["tasks"]] == ["ingest"]


def test_a_failed_source_does_not_stop_the_others(dags):
    others = ("turn", "verdict")
    assert {task["rule"] for name, task in dags["ingest"]["tasks"].items() if name not in others} == {"all_done"}


def test_what_came_of_programmes_is_measured_though_an_export_was_refused(dags, steps):
    rules = {name: task["rule"] for dag in CHAIN[1:] for name, task in dags[dag]["tasks"].items()}
    insight = {name for name, step in steps.items() if step.stage == "insight"}
    assert insight and {name for name, rule in rules.items() if rule != "all_success"} == insight
    assert {rules[name] for name in insight} == {"all_done"}
    # The run fails all the same, and nothing of the day follows it.
    for name in CHAIN[1:]:
        tasks = dags[name]["tasks"]
        assert {*tasks["announce"]["before"]} == {*tasks} - {"announce", "turn"}, name


def test_an_invalid_declaration_leaves_each_dag_one_task_that_fails_with_it(tmp_path):
    conf = shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (conf / "audiences" / "wrong.yml").write_text("describes: Nobody.\nwho: recency.last = 1\n", encoding="utf-8")
    environment = child_environment(airflow_environment(load_settings(conf, tmp_path / "home")))
    done = subprocess.run(
        [sys.executable, "-c", MISTAKE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    tasks = json.loads(done.stdout.splitlines()[-1])
    assert sorted(tasks) == sorted(CHAIN)
    for name, (names, words) in tasks.items():
        assert names == ["declarations"], name
        assert "audiences/wrong.yml" in words, words

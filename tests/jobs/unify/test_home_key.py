"""Identity resolution depends on the content of records and not on the home's key."""

import shutil
from pathlib import Path

import pytest
from shop import Retailer

from benchmarks import persons

ROOT = Path(__file__).parents[3]
RECORDS = 2500


@pytest.fixture(scope="module")
def landing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("persons")
    persons.write(folder, RECORDS)
    (folder / "truth.parquet").unlink()
    return folder


def partition(folder, landing, key):
    """Sets of the source's record numbers, by customer, in a home with this key."""
    retailer = Retailer(folder)
    shutil.copy(ROOT / "benchmarks/sets/persons/sources/persons.yml", retailer.conf / "sources/persons.yml")
    shutil.copytree(landing, retailer.home / "landing/persons")
    (retailer.home / "person.key").write_text(key)
    retailer.run(persons.FIRST.isoformat(), "ingest.persons", "identities")
    customers = dict(retailer.rows("gold/identities", "person_key", "customer_id"))
    groups = {}
    for person_key, kind, value in retailer.rows("silver/identifiers", "person_key", "kind", "value"):
        if kind == "customer_no":
            groups.setdefault(customers[person_key], set()).add(value)
    versions = retailer.rows("gold/identity_models", "parameters")
    return set(map(frozenset, groups.values())), versions


@pytest.mark.long
def test_two_keys_give_the_same_customers_and_the_same_weights(tmp_path, landing):
    one, other = (partition(tmp_path / key, landing, key * 64) for key in "af")
    assert len(one[0]) < RECORDS
    assert other == one

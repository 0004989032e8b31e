"""Quality of identity resolution on public data sets, loaded through a conf folder like any retailer's data."""

import shutil

import pytest
import yaml
from shop import BASE

from benchmarks.identity import DATA, FIRST, HERE, STEPS, clusters, scores, truth_of

REACH = {"fake_1000": 0.94, "febrl_1": 0.995}


@pytest.mark.parametrize("name", REACH)
@pytest.mark.skipif(not DATA.exists(), reason="the public sets are not here")
def test_pairwise_f1_of_a_public_set(name, retailer):
    conf = HERE / "sets" / ("febrl" if name.startswith("febrl") else name)
    own = yaml.safe_load((conf / "base.yml").read_text())
    # The Spark server of the suite is configured for small tables.
    retailer.declare("base.yml", yaml.safe_dump({**yaml.safe_load(BASE), **own}))
    shutil.copy(conf / "sources" / "persons.yml", retailer.conf / "sources" / "persons.yml")
    retailer.land(f"persons/{FIRST}/persons.csv", (DATA / f"{name}.csv").read_bytes())
    retailer.run(FIRST.isoformat(), *STEPS)
    assert scores(truth_of(name), clusters(retailer.conf, retailer.home))["f1"] >= REACH[name]

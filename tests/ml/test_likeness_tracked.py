"""Every version of the identity-resolution model is in MLflow once, with its match weights."""

import json
import math
from datetime import date

import pyarrow as pa
from shop import Retailer, copy_registry

from jobs.unify.matching import training
from ml.lifecycle import match_models
from ml.lifecycle.registry import Registry
from quanyu.model.identity import IdentityModels

TEXT = training.assumed("0" * 16).text()


def kept(retailer: Retailer, *versions: int) -> None:
    context = retailer.context("2024-07-01")
    lake = context.lake
    lake.prepare(IdentityModels)
    rows = pa.table({
        "version": list(versions), "trained_on": [date(2024, 7, 1)] * len(versions),
        "records": [1000] * len(versions), "pairs": [9] * len(versions), "parameters": [TEXT] * len(versions),
    })  # fmt: skip
    schema = "version bigint, trained_on date, records bigint, pairs bigint, parameters string"
    receipt = match_models.Receipt("test", "", "run", "")
    lake.append("gold/identity_models", lake.staging.stage_arrow(lake.spark, rows, schema).rows, receipt, {})


def test_each_version_is_recorded_once_with_its_weights(retailer):
    copy_registry(retailer.home)
    kept(retailer, 1)
    assert retailer.run("2024-07-01", "track.identity")["track.identity"].rows_out == 1
    kept(retailer, 2)
    assert retailer.run("2024-07-02", "track.identity")["track.identity"].rows_out == 1
    with Registry.of(retailer.settings).experiment(match_models.EXPERIMENT) as (client, experiment):
        runs = client.search_runs([experiment])
    assert sorted(run.data.params["version"] for run in runs) == ["1", "2"]
    phone = json.loads(TEXT)["comparisons"]["phone"]
    expected = math.log2(phone["m"][3] / phone["u"][3])
    assert all(abs(run.data.metrics["bits.phone.3"] - expected) < 1e-6 for run in runs)
    assert all(float(run.data.params["households"]) > 0 for run in runs)

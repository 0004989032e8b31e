"""Homes, conf folders and landed files may have any name; the stored rows are the same."""

import os
import tempfile
from pathlib import Path

import pytest
from shop import Retailer, template
from small_day import FIRST, MOMENTS, SECOND, STEPS, declared, lived

from quanyu.engine.alias import plain_path
from quanyu.errors import ConfigError
from quanyu.files import open_bucket
from quanyu.lake.locations import check_path
from quanyu.servers.airflow import airflow_environment
from quanyu.store import Store

NAMES = ["王伟 的 全域#1 (测试) 100%", "My Documents", "a?b*c{d}'e\"f`&+;$HOME"]
INGEST = [step for step in STEPS if step.startswith("ingest.")]
FILES = [
    "2024-07-01 (1).csv", "2024-07-01 [2].csv", "2024-07-01 %20.csv", "2024-07-01 #3?a=1&b.csv", "2024-07-01 😀'\".csv",
]  # fmt: skip


def published(folder):
    """Ingest the landed files of both days, and return the retailer with all rows of its tables, by place."""
    shop = Retailer(folder)
    declared(shop)
    shop.run(SECOND, *INGEST)
    rows = {place: shop.steady(place) for place in shop.versions()}
    return shop, rows


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Rows of a retailer with a plain path."""
    shop, rows = published(tmp_path_factory.mktemp("plain"))
    shop.close()
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_a_home_of_any_name_has_the_rows_of_a_plain_one(tmp_path, plain, name):
    shop, rows = published(tmp_path / name)
    versions = shop.versions()
    shop.run(SECOND, *INGEST)
    shop.close()
    assert rows == plain
    assert shop.versions() == versions


@pytest.mark.long
def test_a_day_in_such_a_home_gives_the_same_summary_and_stores_no_link(tmp_path):
    elsewhere = template("small_day", lived)
    shop = Retailer.at(elsewhere / "0").copy(tmp_path / NAMES[0])
    shop.run(SECOND)
    last = Retailer.at(elsewhere / str(len(MOMENTS)))
    places = last.versions()
    assert {place: shop.steady(place) for place in places} == {place: last.steady(place) for place in places}
    link = Path(plain_path(shop.settings.lake, shop.settings.lake))
    stored = [file for file in shop.home.rglob("*") if file.is_file() and link.name.encode() in file.read_bytes()]
    shop.close()
    assert (link.resolve(), stored) == (shop.settings.lake, [])


def test_files_and_folders_of_feeds_have_such_names_too(tmp_path, monkeypatch):
    shop = Retailer(tmp_path / "shop")
    monkeypatch.setenv("QUANYU_LANDING", str(tmp_path / "落地 [1] %20#"))
    declared(shop)
    shop.declare("sources/products.yml", (shop.conf / "sources" / "products.yml").read_text()
                 .replace("products/{day}.csv", "门店 销售#1/{day} *.csv").replace("snapshot", "changes")
                 .replace("deleted_when: absent\n", ""))  # fmt: skip
    folder = shop.settings.landing / "门店 销售#1"
    folder.mkdir(parents=True)
    head = (shop.home / "landing" / "products" / f"{FIRST}.csv").read_text().splitlines()
    for number, name in enumerate(FILES):
        (folder / name).write_text("\n".join([head[0], f"s{number},{head[1].partition(',')[2]}"]) + "\n")
    shop.ingest("products", SECOND)
    assert shop.rows("bronze/products", "_file") == [(f"门店 销售#1/{name}",) for name in sorted(FILES)]
    assert len(shop.rows("silver/products", "sku")) == len(FILES)
    shop.close()


@pytest.mark.parametrize("name", ["a[1]", "a|b", "a^b", "a\\b", "a%20b", "a\nb", "a\udcffb"])
def test_a_path_below_which_no_table_can_be_opened_is_refused_in_words(tmp_path, name):
    with pytest.raises(ConfigError, match=r"no tables can lie below .* Choose another folder"):
        check_path(tmp_path / name)


def test_an_engine_opens_a_plain_path_by_itself_and_another_by_a_link_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    one, other = tmp_path / "全域", tmp_path / "全域 2"
    assert plain_path(tmp_path, tmp_path / "gold") == str(tmp_path / "gold")
    paths = [plain_path(root, root / "gold" / "orders") for root in (one, one, other)]
    assert paths[0] == paths[1] != paths[2]
    assert [Path(path).resolve() for path in paths] == [root / "gold" / "orders" for root in (one, one, other)]
    assert all(path.isascii() for path in paths)


def test_links_are_not_made_where_others_may_write(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"quanyu-{os.getuid()}"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(ConfigError, match="not a folder of yours alone"):
        plain_path(tmp_path / "全域", tmp_path / "全域")


@pytest.mark.parametrize("name", ["a?b", "100%", "a%20b", "王 #1"])
def test_databases_and_folders_by_url_lie_where_they_are_said_to(tmp_path, name):
    shop = Retailer(tmp_path / name)
    Store(shop.settings.store_url).close()
    assert (shop.home / "store.db").is_file()
    url = airflow_environment(shop.settings)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    Store(url).close()
    assert (shop.home / "airflow" / "airflow.db").is_file()
    assert open_bucket((tmp_path / name).as_uri()).location == open_bucket(str(tmp_path / name)).location
    assert {path.name for path in tmp_path.iterdir()} == {name}


def test_a_file_url_that_is_not_encoded_is_refused():
    with pytest.raises(ConfigError, match="%3F"):
        open_bucket("file:///exports/a?b")

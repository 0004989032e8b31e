"""What a model learns from: values of the cutoff alone, and labels that follow a customer to the end of the horizon."""

from collections.abc import Iterator
from textwrap import dedent

import pytest
from histories import DAYS, joined_home
from shop import Retailer, template

from ml.lifecycle.frames import dataset
from ml.lifecycle.frames.dataset import labelled
from ml.tasks.binary_classification import BinaryClassification
from quanyu import discover
from quanyu.config.settings import load_settings
from quanyu.errors import ConfigError
from quanyu.grammar.model_spec import AnyOf, Label, ModelSpec, NoneOf
from quanyu.model.entities import Customer, Product
from quanyu.run.runner import Context


class NextSpend(ModelSpec):
    """What somebody spends the next day."""

    entity, owner, population = Customer, "growth", "ever.lines > 0"
    label = Label("orders", horizon_days=1, value="sum(amount)")
    task = BinaryClassification()
    features = ("ever.spend", "ever.lines")
    segments = ("tastes.favourite",)


@pytest.fixture(scope="module")
def joined() -> Iterator[Context]:
    shop = Retailer.at(template("joined", joined_home))
    yield shop.context(str(DAYS[2]))
    shop.close()


def rows_of(context, spec, *cutoffs):
    rows = labelled(context, spec, *cutoffs).rows
    return sorted(rows.drop(columns=[spec.entity.key]).itertuples(index=False, name=None), key=str)


def test_a_merge_after_the_cutoff_reaches_no_feature_and_both_have_what_their_customer_does(joined):
    # On the first two days, the card and the phone are two customers; on the third they are found to be one.
    assert rows_of(joined, NextSpend, DAYS[0]) == [(DAYS[0], 1, 1, "home", 1), (DAYS[0], 10, 1, "home", 10)]
    assert rows_of(joined, NextSpend, DAYS[1]) == [(DAYS[1], 2, 2, "home", 11), (DAYS[1], 20, 2, "home", 11)]


def test_many_cutoffs_give_what_each_gives(joined):
    together = rows_of(joined, NextSpend, *DAYS[:2])
    assert together == sorted(rows_of(joined, NextSpend, DAYS[0]) + rows_of(joined, NextSpend, DAYS[1]), key=str)


def test_rows_whose_identities_are_of_their_cutoff_need_no_note(joined):
    assert labelled(joined, NextSpend, *DAYS[:2]).notes == ()


def test_a_label_names_what_features_name_and_any_is_the_opposite_of_none(joined):
    class Homely(NextSpend):
        """Buys of the category home the next day."""

        label = AnyOf("order_lines", horizon_days=1, where="products.category = 'home'")

    class NotHomely(NextSpend):
        """Does not."""

        label = NoneOf("order_lines", horizon_days=1, where="products.category = 'home'")

    class Other(NextSpend):
        """Buys of another category."""

        label = AnyOf("order_lines", horizon_days=1, where="products.category <> 'home'")

    last = {spec: [row[-1] for row in rows_of(joined, spec, DAYS[0])] for spec in (Homely, NotHomely, Other)}
    assert last == {Homely: [1, 1], NotHomely: [0, 0], Other: [0, 0]}


def test_a_row_whose_label_is_not_known_teaches_nothing(joined):
    class Delivered(NextSpend):
        """What somebody spends the next day, where one amount was not delivered."""

        label = Label("orders", horizon_days=1, value="sum(nullif(amount, 10))")

    assert [row[-1] for row in rows_of(joined, Delivered, DAYS[0])] == [1]


def test_a_label_of_things_is_counted_by_their_key(joined):
    class Sold(NextSpend):
        """What is sold of an item the next day."""

        entity, population = Product, "product_sales.pieces >= 0"
        label = Label("order_lines", horizon_days=1, value="sum(amount)")
        features = ("product_sales.pieces",)
        segments = ("product.category",)

    rows = labelled(joined, Sold, *DAYS[:2]).rows
    sold = rows[rows["sku"] == "A0"]
    assert sold["label"].tolist() == [11, 11]
    assert sold["product.category"].notna().all()


TEXTS = """
from ml.tasks.binary_classification import BinaryClassification
from quanyu import discover
from quanyu.config.settings import load_settings
from quanyu.errors import ConfigError
from quanyu.grammar.model_spec import AnyOf, Baseline, MetricGate, ModelSpec
from quanyu.model.entities import Customer

class Texts(ModelSpec):
    \"\"\"Learns from a text and a day.\"\"\"
    entity, owner, population = Customer, "growth", "value.orders > 0"
    label = AnyOf("order_lines", horizon_days=30, where="products.categry = 'home'")
    task = BinaryClassification()
    features = ("preference.favourite_category", "customer.joined_on", "retention.lapsed")
    baseline = Baseline("rfm.monetary", "less")
    segments = ("value.orders", "rfm.monetry")
    gates = (MetricGate("auc", at_least=0.6),)
"""


def test_what_a_model_cannot_learn_from_or_count_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "ml").mkdir()
    (tmp_path / "base.yml").write_text("")
    (tmp_path / "ml" / "texts.py").write_text(dedent(TEXTS))
    with pytest.raises(ConfigError) as raised:
        discover.load(load_settings(tmp_path, tmp_path / "home"))
    text = str(raised.value)
    for words in (
        "'preference.favourite_category' is a string: a model learns from numbers",
        "'customer.joined_on' is a date: a model learns from numbers",
        "texts.baseline: 'rfm.monetary' is a string",
        "'value.orders' is a bigint: a segment is a text",
        "unknown name 'rfm.monetry'; did you mean 'rfm.monetary'",
        "texts.label.where",
        "products.category",
    ):
        assert words in text, text
    assert "retention.lapsed" not in text


def test_what_does_not_fit_into_memory_is_sampled_by_entity_and_said(joined, monkeypatch):
    whole = labelled(joined, NextSpend, *DAYS[:2])
    monkeypatch.setattr(dataset, "ROWS_PER_GIB", 0.5)
    drawn = labelled(joined, NextSpend, *DAYS[:2])
    assert (whole.share, drawn.share) == (1.0, 0.5)
    assert "from and tested on 50.0% of the customers" in drawn.notes[0]
    assert all("4g" in text and "50.0%" in text for text in (drawn.notes[0], drawn.notes[0].chinese))
    keys = {"customer_id", "cutoff"}
    for part in (drawn, labelled(joined, NextSpend, *DAYS[:2], share=0.5)):
        of_entities = whole.rows[whole.rows["customer_id"].isin(part.rows["customer_id"])]
        assert part.rows.equals(of_entities.reset_index(drop=True)) and keys <= set(part.rows)
    by_share = [len(labelled(joined, NextSpend, DAYS[0], share=share).rows) for share in (0.001, 0.999)]
    assert by_share == [0, 2]

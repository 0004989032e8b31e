"""A conf folder with every kind of mistake: all are reported at once, with file, key, value and what is allowed."""

from pathlib import Path

import pytest
from command_line import quanyu

from quanyu import discover
from quanyu.config.settings import load_settings, read_settings
from quanyu.errors import ConfigError

ROOT = Path(__file__).parents[2]

FAULTY = {
    "base.yml": """
        zone: Asia/Shangai
        survivorship: {city: [pso]}
        spark: {cors: 2}
        mail: {password: hunter2}
    """,
    "sources/tills.yml": """
        describes: Till receipts.
        owner: retail
        reads: {path: "tills/{day}/*.csv", format: csv, columns: [receipt, item, paid, sold_at, phone]}
        delivers: events
        freshness: none
        person:
          - {kind: fone, value: phone}
        fills:
          order_lines:
            order_id: "reciept"
            line: "_row"
            ordered_at: "to_timestmp(sold_at)"
            kind: "'sale'"
            status: "'paid'"
            amount: "sum(cast(paid as int))"
            skuu: "item"
          ordrs: {order_id: receipt}
    """,
    "sources/pos.yml": """
        owner: retail
        reads: {path: pos.csv, format: csv}
        delivers: events
        freshness: none
        fills: {}
    """,
    "sources/shop.yml": """
        describes: Orders of the shop.
        describes: Orders of the shop, again.
    """,
    "sources/web.yml": """
        describes: Clicks.
        owner: web
        reads: {path: "web/clicks.csv", format: excel}
        delivers: event
        freshness: none
        fills: {}
    """,
    "audiences/good.yml": """
        describes: Good ones.
        owner: growth
        goal: care
        who: value.spendd > 100 and retention.lapsed > 3
        purpose: ads
        holdout: a tenth
        send_to: [drop]
    """,
    "audiences/better.yml": """
        describes: Better ones.
        owner: growth
        goal: care
        who: value.spendd > 100
        purpose: ads
        send_to: [dorp]
        measures:
          recent: {over: orders, value: "amount", where: "kind = 3", within: 30 days}
    """,
    "audiences/mixed.yml": """
        describes: Apples and pears.
        owner: growth
        goal: care
        who: retention.lapsed > 3
        purpose: ads
        measures:
          recent: {over: orders, value: "count(*)", within: a month}
    """,
    "audiences/quiet.yml": """
        describes: Outlets.
        owner: channel
        entity: outlet
        goal: activate
        who: outlet_orders.orders > 3
        purpose: analytics
        send_to: [drop]
    """,
    "audiences/nobody.yml": """
        describes: Of nobody.
        owner: channel
        entity: outlt
        goal: activate
        who: outlet_orders.orders > 3
        purpose: analytics
    """,
    "journeys/for_outlets.yml": """
        describes: Writes to outlets.
        owner: channel
        enters: quiet
        starts: 2024-01-01
        steps:
          - wait: 1 days
    """,
    "journeys/hello.yml": """
        describes: Says hello.
        owner: growth
        enters: goood
        starts: 2024-01-01
        steps:
          - wait: soon
          - message: {channel: email, subject: "Hello {{ nam }}", body: Hi.}
    """,
    "journeys/hello_again.yml": """
        describes: Says hello again.
        owner: growth
        enters: good
        starts: 2024-01-01
        goal: oders
        steps:
          - message: {channel: email, subject: "Hello {{ nam }}", body: Hi.}
    """,
    "features/loyalty.py": '''
        """How loyal."""
        from quanyu.grammar.feature import Feature, FeatureView
        from quanyu.model.entities import Customer
        from quanyu.model.trade import Orders

        class Loyalty(FeatureView):
            """How loyal a customer is."""
            entity, owner, over, within = Customer, "growth", Orders, "30 days"
            spent = Feature("sum(amuont)", "Spent.")
            first = Feature("ordered_at", "First.")
            drawn = Feature("max(rand())", "Chance.")
    ''',
    "tags/loyalties.yml": """
        describes: How loyal a customer is.
        owner: growth
        entity: customer
        tags:
          unsaid: {when: value.orders > 3}
          two: {when: value.orders > 3, value: value.orders, means: Two kinds.}
          bands: {of: value.orders, edges: [3, 2], names: [a, b, c], means: Bands.}
          few: {of: value.orders, quantiles: 3, names: [a, b], means: Few names.}
          ranked: {of: value.orders, edges: [3], names: [a, b], within_each: customer.city, means: Ranked.}
    """,
    "tags/devoted.yml": """
        describes: How devoted a customer is.
        owner: growth
        entity: customer
        tags:
          loyal: {when: "value.orders > 'much'", means: Is loyal.}
          odd: {when: loyalty.spnt > 3, means: Is odd.}
          tall: {of: value.orders, quantiles: 2, names: [a, b], within_each: customer.citty, means: Is tall.}
    """,
    "tags/strangers.yml": """
        describes: Of nobody.
        owner: growth
        entity: custmer
        tags:
          odd: {when: value.orders > 3, means: Is odd.}
    """,
    "features/broken.py": "import no_such_thing",
    "features/of_an_older_release.py": "from quanyu.feature import Feature, FeatureView, Tag",
    "ml/quiet.py": '''
        """Who falls silent."""
        from ml.tasks.binary_classification import BinaryClassification
        from quanyu.grammar.model_spec import Baseline, MetricGate, ModelSpec, NoneOf
        from quanyu.model.entities import Customer

        class Quiet(ModelSpec):
            """No order in the shop."""
            entity, owner, population = Customer, "growth", "value.orders > 'much'"
            task = BinaryClassification()
            label = NoneOf("orders", horizon_days=30, where="status = 'payed'")
            features = ("value.orders",)
            baseline = Baseline("value.orders", "less")
            gates = (MetricGate("auc", at_least=0.6),)
    ''',
}
TOLD = [
    ("base.yml: zone", "'Asia/Shangai' is not allowed", "did you mean 'Asia/Shanghai'"),
    ("base.yml: spark.cors", "unknown key", "did you mean 'cores'"),
    ("base.yml: survivorship.city", "unknown source 'pso'", "did you mean 'pos'"),
    ("base.yml: mail.password", "by reference only", "env:NAME or file:PATH"),
    ("sources/shop.yml: line 3", "the key 'describes' is given twice"),
    ("sources/pos.yml: describes", "is missing"),
    ("sources/pos.yml: reads", "give the day either in the path"),
    ("sources/web.yml: reads.format", "'excel' is not allowed", "'csv', 'jsonl', 'json' or 'parquet'"),
    ("sources/pos.yml: fills", "{} is not allowed", "at least 1"),
    ("sources/web.yml: fills", "{} is not allowed", "at least 1"),
    ("sources/web.yml: delivers", "'event' is not allowed", "'events'"),
    ("sources/tills.yml: person.0.kind", "unknown kind 'fone'", "did you mean 'phone'"),
    ("sources/tills.yml: fills.order_lines.order_id", "unknown column 'reciept'", "did you mean 'receipt'"),
    ("sources/tills.yml: fills.order_lines.ordered_at", "unknown function to_timestmp", "did you mean 'to_timestamp'"),
    ("sources/tills.yml: fills.order_lines.amount", "'sum(cast(paid as int))' aggregates rows", "say one_row_per"),
    ("sources/tills.yml: fills.order_lines.skuu", "unknown column of order_lines", "did you mean 'sku'"),
    ("sources/tills.yml: fills.ordrs", "unknown table 'ordrs'", "did you mean 'orders'"),
    ("audiences/good.yml: holdout", "'a tenth' is not allowed", "`10 %`"),
    ("audiences/better.yml: who", "unknown column 'value.spendd'", "did you mean 'value.spend'"),
    ("audiences/better.yml: send_to", "unknown platform 'dorp'", "did you mean 'drop'"),
    ("audiences/better.yml: measures.recent.value", "'amount' does not aggregate"),
    ("audiences/better.yml: measures.recent.where", "compares a text with a number"),
    ("audiences/mixed.yml: measures.recent.within", "'a month' is not allowed", "`30 days`"),
    ("audiences/quiet.yml: send_to", "platforms take persons, and outlets are none"),
    ("audiences/nobody.yml: entity", "unknown entity 'outlt'", "did you mean 'outlet'"),
    ("journeys/for_outlets.yml: enters", "a journey is for customers, and quiet is an audience of outlets"),
    ("journeys/hello.yml: steps.0.wait", "'soon' is not allowed", "`3 days`"),
    ("journeys/hello_again.yml: goal", "unknown table 'oders'", "did you mean 'orders'"),
    ("journeys/hello_again.yml: message", "unknown value 'nam'", "did you mean 'name'"),
    ("features/loyalty.py: Loyalty.within", "'30 days' is not allowed", "days(N)"),
    ("features/loyalty.py: Loyalty.spent", "unknown column 'amuont'", "did you mean 'amount'"),
    ("features/loyalty.py: Loyalty.first", "does not aggregate", "one value per customer"),
    ("features/loyalty.py: Loyalty.drawn", "rand draws by chance"),
    ("tags/devoted.yml: tags.loyal", "compares a number with a text"),
    ("tags/devoted.yml: tags.odd", "unknown column 'loyalty.spnt'", "did you mean 'loyalty.spent'"),
    ("tags/devoted.yml: tags.tall", "unknown column 'customer.citty'", "did you mean 'customer.city'"),
    ("tags/loyalties.yml: tags.unsaid.means", "is missing"),
    ("tags/loyalties.yml: tags.two", "exactly one of when, cases, of and value"),
    ("tags/loyalties.yml: tags.bands", "edges rise"),
    ("tags/loyalties.yml: tags.few", "3 bands want 3 different names"),
    ("tags/loyalties.yml: tags.ranked", "within_each belongs to a tag with quantiles"),
    ("tags/strangers.yml: entity", "unknown entity 'custmer'", "did you mean 'customer'"),
    ("ml/quiet.py: quiet.population", "compares a number with a text"),
    ("ml/quiet.py: quiet.label.where", "status is never 'payed'", "did you mean 'paid'"),
    ("features/broken.py", "cannot be imported", "no_such_thing"),
    ("features/of_an_older_release.py", "cannot be imported", "docs/upgrading.md says what has moved"),
]


def written(folder, files):
    """Write files of YAML and Python, indented as in this one, below a folder."""
    from textwrap import dedent

    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faulty")
    conf = written(folder / "conf", FAULTY)
    done = quanyu("validate", "--conf", str(conf), "--home", str(folder / "home"))
    assert done.returncode == 2
    return done.stderr.replace(f"{conf}/", "").splitlines()


@pytest.mark.parametrize(("where", "words"), [(where, words) for where, *words in TOLD])
def test_every_mistake_is_reported_with_what_is_allowed(messages, where, words):
    lines = [line for line in messages if line.startswith(f"{where}:")]
    assert [line for line in lines if all(word in line for word in words)], lines or messages


def test_no_mistake_is_reported_that_nobody_made(messages):
    """A declaration that names an invalid one is not reported itself, and there is no traceback."""
    expected = [where for where, *_ in TOLD]
    missing = ("fills.order_lines", "fills.ordrs")
    others = [
        line for line in messages[1:] if not line.startswith(tuple(expected)) and not any(m in line for m in missing)
    ]
    assert others == []
    assert messages[0] == "ConfigError"
    assert not any("hunter2" in line for line in messages)


def minimal(folder, **files):
    files = {
        name.replace("__", "/").replace("_yml", ".yml").replace("_py", ".py"): text for name, text in files.items()
    }
    return written(folder, {"base.yml": "", **files})


def test_a_view_and_a_tag_of_ones_own_need_no_fork(tmp_path):
    conf = minimal(tmp_path, features__luck_py='''
        """How lucky."""
        from quanyu.grammar.feature import Feature, FeatureView
        from quanyu.model.entities import Customer
        from quanyu.model.trade import Orders

        class Luck(FeatureView):
            """How lucky a customer is."""
            entity, owner, over = Customer, "growth", Orders
            orders = Feature("count(*)", "Orders.", unit="orders")
    ''', tags__charms_yml="""
        describes: Who is lucky.
        owner: growth
        entity: customer
        tags:
          lucky: {when: luck.orders = 7, means: Bought seven times.}
          very: {when: charms.lucky and customer.gender = 'female', means: And more.}
    """)  # fmt: skip
    catalogue = discover.load(load_settings(conf, tmp_path / "home"))
    assert catalogue.names(catalogue.entities["customer"])["charms.very"].type == "boolean"
    assert catalogue.tables["luck"].keys == ("customer_id",)
    assert catalogue.tables["profile_customer"].schema()["luck__orders"].type == "bigint"
    assert catalogue.tables["profile_customer"].schema()["charms__lucky"].type == "boolean"


def test_a_measure_is_no_column_of_the_profile(tmp_path):
    conf = minimal(tmp_path, audiences__value_yml="""
        describes: Its measure would hide a feature.
        owner: growth
        goal: care
        who: spend > 3 and value.spend > 100
        purpose: analytics
        measures:
          spend: {over: orders, value: "count(*)", within: 30 days}
    """)  # fmt: skip
    with pytest.raises(ConfigError, match=r"measures.spend: value.spend and value.spend are one column: give"):
        discover.load(load_settings(conf, tmp_path / "home"))


def test_a_circle_of_tags_is_shown_also_through_a_model(tmp_path):
    conf = minimal(tmp_path, tags__rings_yml="""
        describes: Rings.
        owner: growth
        entity: customer
        tags:
          first: {when: quiet.score > 0.5, means: Is first.}
    """, ml__quiet_py='''
        """Who falls silent."""
        from ml.tasks.binary_classification import BinaryClassification
        from quanyu.grammar.model_spec import Baseline, MetricGate, ModelSpec, NoneOf
        from quanyu.model.entities import Customer

        class Quiet(ModelSpec):
            """No order."""
            entity, owner = Customer, "growth"
            population = "not rings.first"
            task = BinaryClassification()
            label = NoneOf("orders", horizon_days=30)
            features = ("value.orders",)
            baseline = Baseline(feature="value.orders", higher_is="less")
            gates = (MetricGate("auc", at_least=0.6),)
    ''')  # fmt: skip
    with pytest.raises(ConfigError) as error:
        discover.load(load_settings(conf, tmp_path / "home"))
    [problem] = error.value.problems
    assert (problem.file, problem.key) == (str(conf / "tags" / "rings.yml"), "tags.first")
    assert "a circle: rings.first -> quiet.score -> rings.first" in problem.message


@pytest.mark.parametrize(
    ("mistake", "key", "words"),
    [
        (
            "edged: {of: value.orders, edges: [1, .inf], names: [a, b, c], means: Bands.}",
            "tags.edged.edges.1",
            "inf is not allowed; allowed: a finite number",
        ),
        (
            "edged: {of: value.orders, edges: [.nan], names: [a, b], means: Bands.}",
            "tags.edged.edges.0",
            "nan is not allowed",
        ),
        ("blank: {when: value.orders > 1, means: ' '}", "tags.blank.means", "`means` is empty"),
    ],
)
def test_a_tag_without_a_sentence_and_an_edge_that_is_no_number_are_reported_at_their_keys(
    tmp_path, mistake, key, words
):
    conf = minimal(tmp_path, tags__odd_yml=f"""
        describes: Odd.
        owner: growth
        entity: customer
        tags:
          {mistake}
    """)  # fmt: skip
    with pytest.raises(ConfigError) as error:
        discover.load(load_settings(conf, tmp_path / "home"))
    [problem] = error.value.problems
    assert (problem.file, problem.key) == (str(conf / "tags" / "odd.yml"), key) and words in problem.message


@pytest.mark.parametrize(
    ("mistake", "key", "words"),
    [
        ("Many: {when: value.orders > 9, means: Many.}", "tags.Many", "is no name: lower case letters"),
        ("one: {when: odd.two, means: One.}, two: {when: not odd.one, means: Two.}", "tags.one",
         "a circle: odd.one -> odd.two -> odd.one: one of them"),
    ],
)  # fmt: skip
def test_a_wrong_name_and_a_circle_hide_no_other_mistake(tmp_path, mistake, key, words):
    conf = minimal(tmp_path, tags__odd_yml=f"""
        describes: Odd.
        owner: growth
        entity: customer
        tags: {{{mistake}, wrong: {{when: value.oders > 1, means: Wrong.}}}}
    """, audiences__few_yml="""
        describes: Few.
        owner: growth
        goal: care
        who: value.odders > 1
        purpose: analytics
    """)  # fmt: skip
    with pytest.raises(ConfigError) as error:
        discover.load(load_settings(conf, tmp_path / "home"))
    problems = {(Path(problem.file).name, problem.key): problem.message for problem in error.value.problems}
    assert set(problems) == {("odd.yml", key), ("odd.yml", "tags.wrong"), ("few.yml", "who")}
    assert words in problems["odd.yml", key]


@pytest.mark.parametrize(
    ("name", "words"), [("Value", "another table or view 'value'"), ("Customers", "another table or view 'customers'")]
)
def test_a_model_name_is_unique(tmp_path, name, words):
    conf = minimal(tmp_path, features__twin_py=f'''
        """A twin."""
        from quanyu.grammar.feature import Feature, FeatureView
        from quanyu.model.entities import Customer
        from quanyu.model.trade import Orders

        class {name}(FeatureView):
            """A twin."""
            entity, owner, over = Customer, "growth", Orders
            orders = Feature("count(*)", "Orders.", unit="orders")
    ''')  # fmt: skip
    with pytest.raises(ConfigError, match=words):
        discover.load(load_settings(conf, tmp_path / "home"))


def test_a_model_without_its_parts_is_reported_in_words(tmp_path):
    conf = minimal(tmp_path, ml__empty_py='''
        """Nothing."""
        from quanyu.grammar.model_spec import ModelSpec
        from quanyu.model.entities import Customer

        class Empty(ModelSpec):
            """Foretells nothing."""
            entity, population = Customer, "value.oders > 1"
            features = ("value.oders",)
    ''')  # fmt: skip
    with pytest.raises(ConfigError) as error:
        discover.load(load_settings(conf, tmp_path / "home"))
    messages = str(error.value)
    for words in (
        "empty.label: is missing",
        "empty.task: is missing",
        "empty.features: unknown feature 'value.oders'",
        "empty.population: 'value.oders > 1': unknown column",
    ):
        assert words in messages
    assert str(conf / "ml" / "empty.py") in messages


def test_survivorship_settings_name_columns_and_sources(tmp_path):
    conf = minimal(tmp_path, base_yml="survivorship: {city: [pso], citty: []}")
    with pytest.raises(ConfigError) as error:
        discover.load(load_settings(conf, tmp_path / "home"))
    assert "survivorship.city: unknown source 'pso'" in str(error.value)
    assert "survivorship.citty: unknown column 'citty'; did you mean 'city'?" in str(error.value)


def test_a_renamed_setting_is_refused_by_its_new_name(tmp_path):
    conf = minimal(tmp_path, base_yml="wins: {city: [pos]}")
    with pytest.raises(ConfigError, match=r"base\.yml: wins: is now called survivorship"):
        load_settings(conf, tmp_path / "home")


def test_an_empty_conf_folder_is_enough(tmp_path):
    settings, problems = read_settings(minimal(tmp_path), tmp_path / "home")
    assert problems.found == []
    assert discover.load(settings).sources == {}


def test_the_example_and_our_own_are_valid(tmp_path):
    for conf in ("conf", "examples/online_retail"):
        assert discover.load(load_settings(ROOT / conf, tmp_path)).sources

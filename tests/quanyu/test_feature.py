"""Feature views: windows, types and the generated table. For mistakes see test_discover."""

import pytest

from quanyu.grammar.feature import Feature, FeatureView, FirstAfter, Gap, Grouping, Previous, days
from quanyu.grammar.row_expressions import reach
from quanyu.grammar.table import Table
from quanyu.model.entities import Customer, Product
from quanyu.model.trade import OrderLines, Orders, Products

TABLES: dict[str, type[Table]] = {table.name: table for table in (Orders, OrderLines, Products)}


class Worth(FeatureView):
    """What a customer is worth."""

    entity, owner, over, within = Customer, "growth", Orders, days(365)

    orders = Feature("count(*)", "Orders.", unit="orders")
    spend = Feature("sum(amount)", "Spend.", unit="currency")
    spend_30d = Feature("sum(amount)", "Spend of 30 days.", unit="currency", within=days(30))
    pieces = Feature("sum(pieces)", "Pieces.", unit="pieces")
    ever = Feature("count(*)", "Orders of all time.", unit="orders", within=None)
    mean = Feature("avg(amount)", "Mean.", unit="currency", type="double")
    since = Feature("datediff(as_of, max(ordered_at))", "Days.", unit="days")
    channel = Feature("max(channel)", "Channel.")


def test_a_view_is_named_by_its_class_and_has_no_mistakes():
    assert (Worth.name, list(Worth.features)[:2]) == ("worth", ["orders", "spend"])
    assert Worth.problems(TABLES).found == []


@pytest.mark.parametrize(("feature", "window"), [("orders", 365), ("spend_30d", 30), ("ever", None)])
def test_the_window_is_the_views_unless_the_feature_has_its_own(feature, window):
    assert Worth.window(Worth.features[feature]) == window


def test_types_follow_from_expressions():
    assert {name: planned.type for name, planned in Worth.plans(TABLES).items()} == {
        "orders": "bigint", "spend": "decimal(18,2)", "spend_30d": "decimal(18,2)", "pieces": "bigint",
        "ever": "bigint", "mean": "double", "since": "bigint", "channel": "string",
    }  # fmt: skip


def test_the_table_has_a_current_row_per_customer_with_the_parts_of_features():
    table = Worth.table(TABLES)
    assert (table.name, table.layer, table.keys) == ("worth", "gold", ("customer_id",))
    columns = [
        (name.partition("_")[0], column.type, column.about.partition(":")[0]) for name, column in table.columns.items()
    ]
    assert columns == [
        ("customer", "string", "The customer."),
        ("count", "bigint", "Part of orders, spend, pieces, since"),
        ("sum", "decimal(38,2)", "Part of spend, mean"),
        ("count", "bigint", "Part of spend, mean"),
        ("sum", "decimal(38,2)", "Part of spend_30d"),
        ("count", "bigint", "Part of spend_30d"),
        ("count", "bigint", "Part of spend_30d"),
        ("sum", "decimal(38,0)", "Part of pieces"),
        ("count", "bigint", "Part of pieces"),
        ("count", "bigint", "Part of ever"),
        ("max", "timestamp", "Part of since"),
        ("max", "string", "Part of channel"),
    ]
    assert [column.about for column in table.columns.values()][4] == "Part of spend_30d: SUM(amount) within 30 days."


def test_parts_of_new_facts_are_merged_only_where_they_add_up():
    class Total(FeatureView):
        """Adds up."""

        entity, owner, over = Customer, "growth", Orders
        orders = Feature("count(*)", "Orders.")
        since = Feature("datediff(as_of, max(ordered_at))", "Days.")

    class Days(Total):
        """Needs all rows at once."""

        orders = Feature("count(distinct to_date(ordered_at))", "Days.")

    class Ages(Total):
        """Looks at each row from the day."""

        orders = Feature("sum(datediff(as_of, ordered_at))", "Ages.")

    assert sorted(sql.partition("(")[0] for sql in Total.merges(TABLES).values()) == ["max", "sum"]
    assert (Days.merges(TABLES), Ages.merges(TABLES)) == (None, None)
    assert [view.changes_daily(TABLES) for view in (Total, Days, Ages)] == [False, False, True]
    assert Worth.windows(TABLES) == {30, 365}


def test_an_expression_reaches_the_tables_that_its_own_refers_to():
    columns = reach(OrderLines, TABLES)
    types = [columns[name].type for name in ("amount", "products.category", "as_of")]
    assert types == ["decimal(18,2)", "string", "date"]
    assert "products.category" not in reach(Orders, TABLES)


def test_texts_do_not_change_the_definition_but_windows_do():
    class Told(Worth):
        """Told otherwise."""

        orders = Feature("count(*)", "Told otherwise.", unit="orders")

    def made(within):
        body = {
            "__doc__": "W.",
            "entity": Customer,
            "owner": "o",
            "over": Orders,
            "within": within,
            "n": Feature("count(*)", "N."),
        }
        return type("Made", (FeatureView,), body)

    assert made(30).definition(TABLES) == made(30).definition(TABLES) != made(31).definition(TABLES)
    assert Told.features["orders"].about == "Told otherwise."


def test_faulty_features_are_reported_once_and_keep_their_names():
    class Faulty(FeatureView):
        """Faulty."""

        entity, owner, over = Customer, "growth", Orders
        spend = Feature("summ(amount)", "Spend.")
        As = Feature("count(*)", "Upper case.")
        kind = Feature("max(kind)", "Kind.", type="sting")

    messages = [str(problem) for problem in Faulty.problems(TABLES).found]
    assert len(messages) == 3
    for words in ("Faulty.spend: 'summ(amount)': unknown function summ; did you mean 'sum'?",
                  "Faulty.As: is no name", "Faulty.kind: type 'sting' is not allowed"):  # fmt: skip
        assert any(words in line for line in messages), words
    types = {name: column.type for name, column in Faulty.names(TABLES).items()}
    assert types == {"spend": "", "As": "bigint", "kind": ""}


def test_a_view_without_its_parts_is_reported():
    class Bare(FeatureView):
        pass

    messages = " ".join(str(problem) for problem in Bare.problems(TABLES).found)
    assert "needs a docstring" in messages
    assert "Bare.entity: is missing: say what it measures, such as `entity = Customer`" in messages
    assert "Bare.owner: is missing" in messages
    assert "Bare.over: is missing" in messages


def test_derived_columns_are_checked_and_have_names_of_their_own():
    class Odd(FeatureView):
        """Odd."""

        entity, owner, over = Customer, "growth", Orders
        derived = {
            "gap": Gap("channel"),
            "before": Previous("chanel"),
            "amount": Previous("amount"),
            "later": FirstAfter("amount", "channel = 'e-mail'"),
        }
        longest = Feature("max(gap)", "Longest.", unit="days")

    messages = [f"{problem.key}: {problem.message}" for problem in Odd.problems(TABLES).found]
    for words in (
        "Odd.derived.gap: a gap is between dates or times, and channel is a string",
        "Odd.derived.before: unknown column 'chanel'; did you mean 'channel'?",
        "Odd.derived.amount: is no name for a derived column",
        "Odd.derived.later: channel = 'e-mail': channel is never 'e-mail'",
        "Odd.longest: 'max(gap)': unknown column 'gap'",
    ):
        assert any(line.startswith(words) for line in messages), (words, messages)


def test_groups_are_checked_before_what_aggregates_them():
    class Odd(FeatureView):
        """Odd."""

        entity, owner, over, within = Customer, "growth", OrderLines, days(90)
        groups = Grouping({"amount": "sum(amount)"}, {"spend": "sum(amont)"})
        most = Feature("max(spend)", "Most.", unit="currency", within=days(3))

    messages = " ".join(f"{problem.key}: {problem.message}" for problem in Odd.problems(TABLES).found)
    assert "Odd.groups.amount: is no name for a column of a group" in messages
    assert "Odd.most: has the window of the view" in messages
    assert "'sum(amount)' aggregates rows" in messages or "unknown column 'amont'" in messages
    assert "unknown column 'spend'" not in messages


def test_purpose_and_lifecycle_are_those_of_the_house():
    class Odd(FeatureView):
        """Odd."""

        entity, owner, over, lifecycle, purpose = Product, "growth", OrderLines, "lively", "adverts"
        lines = Feature("count(*)", "Lines.", unit="lines")

    messages = " ".join(f"{problem.key}: {problem.message}" for problem in Odd.problems(TABLES).found)
    assert "'lively' is none of draft, live, retiring, retired" in messages
    assert "'adverts' is no purpose of consent; did you mean 'ads'?" in messages
    assert "which customers give, and a product does not" in messages


def test_a_window_needs_to_know_when_a_row_happened():
    class Timeless(FeatureView):
        """Timeless."""

        entity, owner, over, within = Customer, "growth", Products, days(3)
        products = Feature("count(*)", "Products.", unit="products")

    assert "`within` has nothing to go by" in str(Timeless.problems(TABLES).found[0])

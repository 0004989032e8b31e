"""winback of the example Online Retail: good customers who are about to leave, by the model's score."""

from house_scores import SCORES
from specification import spec
from specification.files import TESTS

from quanyu.grammar.audience import Audience
from quanyu.model.trade import Orders

WINBACK = Audience.load(TESTS.parent / "examples" / "online_retail" / "audiences" / "winback.yml")

test_winback_of_online_retail_holds_who_spent_more_than_200_and_is_likely_to_stop = spec(
    WINBACK,
    as_of="2011-12-01",
    zone="Europe/London",
    given={
        Orders: """
            customer | ordered_at | amount | status
            ann      | 2011-06-01 | 200.01 | paid
            bob      | 2011-06-01 | 200    | paid
            cat      | 2011-06-01 | 500    | paid
            dan      | 2011-06-01 | 500    | paid
            eve      | 2011-06-01 | 500    | cancelled
            fay      | 2010-12-01 | 500    | paid
        """,
        SCORES: """
            customer | model | as_of      | score
            ann      | churn | 2011-12-01 | 0.61
            bob      | churn | 2011-12-01 | 0.9
            cat      | churn | 2011-12-01 | 0.6
            eve      | churn | 2011-12-01 | 0.9
            fay      | churn | 2011-12-01 | 0.9
        """,
    },
    expect={"ann"},
)

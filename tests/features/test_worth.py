"""Worth: what a customer will bring if he stays, in thirds of all who were scored, and whether he is at risk."""

from house_scores import SCORES
from specification import Scene, spec

from quanyu.model.trade import Orders

BOUGHT = {
    Orders: """
        customer | ordered_at | amount
        ann      | 2024-06-01 | 10
        bob      | 2024-06-01 | 10
        cat      | 2024-06-01 | 10
        dan      | 2024-06-01 | 10
        eve      | 2024-06-01 | 10
        fay      | 2024-06-01 | 10
        gus      | 2024-06-01 | 10
    """
}
FORETOLD = {
    SCORES: """
        customer | model    | as_of      | value_365d | p_alive
        ann      | lifetime | 2024-06-30 | 900        | 0.9
        bob      | lifetime | 2024-06-30 | 200        | 0.2
        cat      | lifetime | 2024-06-30 | 250        | 0.5
        dan      | lifetime | 2024-06-30 | 160        | 0.4
        eve      | lifetime | 2024-06-30 | 80         | 0.8
        fay      | lifetime | 2024-06-30 | 1          | 0.1
    """
}

test_customers_by_value_and_risk = spec(
    Scene("worth"),
    as_of="2024-06-30",
    given={**BOUGHT, **FORETOLD},
    expect={
        "ann": dict(if_he_stays=1000, band="high", value_and_risk="keep"),
        # Little is expected of him because he has likely left; he would bring as much as ann.
        "bob": dict(if_he_stays=1000, band="high", value_and_risk="win_back"),
        # At the bound he counts as staying.
        "cat": dict(if_he_stays=500, band="middle", value_and_risk="grow"),
        "dan": dict(if_he_stays=400, band="middle", value_and_risk="let_go"),
        "eve": dict(if_he_stays=100, band="low", value_and_risk="grow"),
        "fay": dict(if_he_stays=10, band="low", value_and_risk="let_go"),
        # Nobody has scored him.
        "gus": dict(if_he_stays=None, band=None, value_and_risk=None),
    },
)

"""# Activate, daily (触达)
Scores with the champions, computes the members of each audience, plans campaigns that have offers, exports seeds,
advances journeys and sends messages that are due; then describes the tags of the day and audiences, and computes the
metrics of the business.

*When it fails*: any task is safe to rerun: exports are replaced as a whole, and a rerun gives each message the same
key. A message whose delivery is `unknown` is never sent again automatically; search the mail server's log for its
Message-ID.
"""

from dags.house import ACTIVATED, TRAINED, house_dag, stages

with house_dag(__file__, __doc__, schedule=[TRAINED], owner="growth", tier=1) as dag:
    stages(
        "score", "baskets", "audiences", "plans", "exports", "returns", "journeys", "catalogue", "insight",
        "metrics", then=ACTIVATED,
    )  # fmt: skip

"""# Poll, after each activation (回执)
Asks the platforms what became of the batches that they still read, and of the audiences that they have still to
publish, every quarter of an hour for up to half a day: the steps of those exports run again.

*When it fails*: a platform has refused something, and its message says who must do what; `quanyu export list` shows
where each export stands. The next day's run asks again.
"""

from dags.house import ACTIVATED, Confirmed, house_dag

with house_dag(__file__, __doc__, schedule=[ACTIVATED], owner="growth", tier=2) as dag:
    Confirmed(
        task_id="exports", doc_md="Waits until the platforms have confirmed all that was sent.", retries=0,
        mode="reschedule", poke_interval=900, timeout=43_200, soft_fail=True,
    )  # fmt: skip

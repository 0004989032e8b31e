"""A job declares what it reads and writes, and is refused if its function does not agree."""

import pytest

from quanyu.errors import ConfigError
from quanyu.grammar.job import job
from quanyu.model.people import Activity
from quanyu.model.trade import OrderLines, Orders
from quanyu.point_in_time.customer_tags import CustomerTags

SEGMENT, NUMBER = CustomerTags(("rfm.segment",)), CustomerTags(("rfm.number",))


def test_a_job_is_its_function_with_what_it_reads_and_writes():
    @job(reads=[Orders, OrderLines], writes=Activity)
    def activity(orders, order_lines, survivorship):
        """Everything a customer did.

        And more.
        """
        return (orders, order_lines, survivorship)

    assert (activity.name, activity.reads, activity.writes, activity.extra_inputs) == (
        "activity", (Orders, OrderLines), Activity, ("survivorship",),
    )  # fmt: skip
    assert activity.describes == "Everything a customer did."
    assert activity(1, 2, survivorship=3) == (1, 2, 3)
    assert len(activity.definition()) == 16


def test_a_job_that_asks_a_door_takes_the_context_in_place_of_tables():
    @job(reads=[Orders], writes=Activity)
    def activity(context, day, owners):
        """Everything a customer did."""
        return (context, day, owners)

    assert (activity.of_context, activity.reads, activity.extra_inputs) == (True, (Orders,), ())
    assert activity("context", "day", None) == ("context", "day", None)


def test_every_mistake_is_reported_at_once():
    def deeds(order_lines, orders):
        return None

    with pytest.raises(ConfigError) as error:
        job(reads=[Orders, OrderLines], writes=Activity)(deeds)
    message = str(error.value)
    assert "parameters are ['order_lines', 'orders'], but it reads ['orders', 'order_lines']" in message
    assert "needs a docstring that says what it returns" in message
    assert "a job is named for what it writes: activity" in message


def test_tags_are_declared_and_taken():
    def activity(orders, tags):
        """Everything a customer did."""
        return tags

    def other(orders):
        """Nothing."""

    assert job(reads=[Orders], writes=Activity, tags=SEGMENT)(activity).tags is SEGMENT
    for function, options in ((activity, {}), (other, {"tags": SEGMENT})):
        with pytest.raises(ConfigError, match="are declared by name and taken as a parameter, or neither"):
            job(reads=[Orders], writes=Activity, **options)(function)
    with pytest.raises(ConfigError, match="not made of one customer's facts"):
        job(reads=[Orders], writes=Activity, tags=SEGMENT, by_customer=True)(activity)
    assert (
        job(reads=[Orders], writes=Activity, tags=SEGMENT)(activity).definition()
        != job(reads=[Orders], writes=Activity, tags=NUMBER)(activity).definition()
    )

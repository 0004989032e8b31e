"""A customer's ties to the house: guides, groups, offline activities."""

from quanyu.grammar.feature import Feature, FeatureView, days
from quanyu.model.entities import Customer
from quanyu.model.knowledge import ActivityPeople
from quanyu.model.touch import Contacts, Groups


class Guides(FeatureView):
    """Which guides have a customer in their contact list (企业微信好友)."""

    entity, owner, over = Customer, "private_domain", Contacts

    contacts = Feature("count_if(deleted_at is null or to_date(deleted_at) > as_of)", "Guides who have him as contact.",
                       unit="guides", zh="企微好友数")  # fmt: skip
    deleted = Feature("count_if(deleted_by = 'customer')", "Guides whom he deleted.", unit="guides", zh="删除好友数")


class Communities(FeatureView):
    """In which chat groups (社群) a customer is."""

    entity, owner, over = Customer, "private_domain", Groups

    groups_in = Feature("count_if(quit_at is null or to_date(quit_at) > as_of)", "Chat groups that he is in.",
                        unit="groups", zh="所在社群数")  # fmt: skip


class Participation(FeatureView):
    """To which offline activities (线下活动) a customer comes, in a year."""

    entity, owner, over, within = Customer, "retail", ActivityPeople, days(365)

    signups = Feature("count(distinct activity)", "Activities signed up for.", unit="activities",
                      where="step = 'signup'", zh="活动报名数")  # fmt: skip
    checkins = Feature("count(distinct activity)", "Activities that he came to.", unit="activities",
                       where="step = 'checkin'", zh="活动到场数")  # fmt: skip

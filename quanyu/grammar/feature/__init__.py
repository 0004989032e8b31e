"""What is measured of an entity: views, their features, and columns derived from rows and groups of rows."""

from quanyu.grammar.feature.derived import Derived, FirstAfter, Gap, Last, Next, Previous
from quanyu.grammar.feature.grouping import Grouping
from quanyu.grammar.feature.view import Feature, FeatureView, days

__all__ = ["Derived", "Feature", "FeatureView", "FirstAfter", "Gap", "Grouping", "Last", "Next", "Previous", "days"]

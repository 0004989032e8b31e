"""
# Customers, daily (One ID 与特征)
Unifies the persons of all sources into customers, asks the consent gate about each, and refreshes
their activity, features and tags.

*When it fails*: any task is safe to rerun; a stopped `identities` keeps yesterday's ids published on purpose.
"""

from dags.house import INGESTED, UNIFIED, house_dag, stages

with house_dag(__file__, __doc__, schedule=[INGESTED], owner="data", tier=1) as dag:
    stages("unify", "consent", "features", then=UNIFIED)

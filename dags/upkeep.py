"""
# Upkeep, weekly (维护)
Puts small files of every table together and removes versions that are older than `retention_days`, once in a week.

*When it fails*: it is safe to rerun at any time; no row changes, and the days go on without it.
"""

from dags.house import ACTIVATED, KEPT_UP, house_dag, rooms

with house_dag(__file__, __doc__, schedule=[ACTIVATED], owner="data", tier=2) as dag:
    rooms("upkeep", then=KEPT_UP)

"""# Upkeep, weekly (维护)
Compacts the small files of every table and removes versions older than `retention_days`.

*When it fails*: it is safe to rerun at any time; it changes no row, and the daily runs do not depend on it.
"""

from dags.house import ACTIVATED, KEPT_UP, house_dag, stages

with house_dag(__file__, __doc__, schedule=[ACTIVATED], owner="data", tier=2) as dag:
    stages("upkeep", then=KEPT_UP)

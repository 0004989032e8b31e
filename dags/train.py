"""# Train (模型训练)
Trains each model that is new or declared otherwise or whose weekly day has come, evaluates it on the later period, and
registers it.

*When it fails*: rerun it; the same training is recorded once. A model that does not pass its gates is no failure: its
previous champion stays, and without one the run continues and reports it.
"""

from dags.house import TRAINED, UNIFIED, house_dag, stages

with house_dag(__file__, __doc__, schedule=[UNIFIED], owner="ml", tier=2) as dag:
    stages("train", then=TRAINED)

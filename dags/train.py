"""
# Train (模型训练)
Trains each model that has no champion or whose weekly day has come, judges it on the later period, records it.

*When it fails*: rerun it; the same training is recorded once. A model that does not pass its gates is no failure: the
champion before stays, and without one the run goes on and says so.
"""

from dags.house import TRAINED, UNIFIED, house_dag, rooms

with house_dag(__file__, __doc__, schedule=[UNIFIED], owner="ml", tier=2) as dag:
    rooms("train", then=TRAINED)

"""
# Activate, daily (触达)
Scores with the champions, decides who is in each audience, exports seeds, advances journeys and sends what is due.

*When it fails*: any task is safe to rerun: exports are replaced whole, and a message has a key that no rerun changes.
A message whose fate is `unknown` is never sent again by itself; look at the mail server's log for its Message-ID.
"""

from dags.house import ACTIVATED, TRAINED, house_dag, rooms

with house_dag(__file__, __doc__, schedule=[TRAINED], owner="growth", tier=1) as dag:
    rooms("ml", "audiences", "exports", "journeys", then=ACTIVATED)

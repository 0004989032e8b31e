"""
# Ingest, daily (接入)
Takes what has landed of every source: bronze, silver, and quarantine for what breaks its contract.

*When it fails*: any task is safe to rerun. A source that stops says why and who must act; what was published of it
before stays, and the other sources go on. After a mended contract: `quanyu replay SOURCE --day D`.
"""

from dags.house import INGESTED, house_dag, rooms

with house_dag(__file__, __doc__, schedule="0 5 * * *", owner="data", tier=1) as dag:
    rooms("ingest", then=INGESTED)

"""# Ingest, daily (接入)
Fetches campaign results of platforms with an interface, then reads the new files of every source: bronze, silver, and
quarantine for rows that break their contract.

*When it fails*: any task is safe to rerun. A source that stops, or a platform that cannot be reached, says why and who
must act; published tables stay as they are, and the others go on. After fixing a contract:
`quanyu replay SOURCE --day D`.
"""

from dags.house import INGESTED, house_dag, stages

with house_dag(__file__, __doc__, schedule="0 5 * * *", owner="data", tier=1) as dag:
    stages("results", "ingest", then=INGESTED)

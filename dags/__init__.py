"""Airflow DAGs of the daily job. They order steps and compute nothing."""

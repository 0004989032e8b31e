"""Servers and background processes of a home: Airflow, MLflow and the clock."""

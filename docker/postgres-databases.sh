#!/bin/sh
# Runs once, when PostgreSQL makes its data folder: a database each for the store, Airflow and MLflow.
set -eu
for name in quanyu airflow mlflow; do
    psql --username "$POSTGRES_USER" --command "create database $name"
done

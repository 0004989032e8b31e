"""Evaluates SQL on the embedded engine over a few rows, without a home or a lake."""

import os
from functools import cache

ZONE = "Asia/Shanghai"


@cache
def embedded():
    """Session on an embedded engine in this process; it ends with the process."""
    os.environ["SAIL_RUNTIME__STACK_SIZE"] = str(64 << 20)
    # It is not used for as long as other modules run.
    os.environ["SAIL_SPARK__SESSION_TIMEOUT_SECS"] = str(24 * 3600)
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    session = SparkSession.builder.remote(f"sc://localhost:{server.listening_address[1]}").create()
    session.conf.set("spark.sql.session.timeZone", ZONE)
    session.server = server
    return session


def rows(sql, table, zone=ZONE):
    """Values of an expression for each row of an Arrow table, in order."""
    session = embedded()
    session.conf.set("spark.sql.session.timeZone", zone)
    return [row[0] for row in session.createDataFrame(table).selectExpr(sql).collect()]


def ask(sql, types=None, **row):
    """Value of an expression for one row. Values are text, or have the types given by column name."""
    import pyarrow as pa

    arrow_types = {
        "string": pa.string(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "boolean": pa.bool_(),
        "double": pa.float64(),
    }
    columns = {name: pa.array([value], arrow_types[(types or {}).get(name, "string")]) for name, value in row.items()}
    return rows(sql, pa.table({"_one_row": pa.array([1], pa.int32()), **columns}))[0]

"""Settings of Apache Spark in tests: no query runs long, so the JVM compiles quickly rather than well.

The whole optimising compiler would take half of the server's processor time.
"""

JVM = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
# Lines of a base.yml.
ON_SPARK = f"engine: spark\nspark: {{conf: {{{', '.join(f'{key}: {value!r}' for key, value in JVM.items())}}}}}\n"

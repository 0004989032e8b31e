"""One Spark Connect session, two engines behind it: Sail inside this machine's processes, or Apache Spark."""

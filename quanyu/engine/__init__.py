"""One Spark Connect session over two engines: Sail, embedded in a child process, or Apache Spark."""

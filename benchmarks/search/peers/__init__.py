"""Other libraries as methods of the benchmark, each in an environment of its own and behind a line of JSON."""

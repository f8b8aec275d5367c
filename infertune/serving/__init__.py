"""The search for engine settings under a latency promise: servers start outside, loads press them inside."""

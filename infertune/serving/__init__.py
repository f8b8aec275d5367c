"""The search for engine settings under a latency SLO: servers start outside, loads press them inside."""

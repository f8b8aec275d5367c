"""Traffic for a server, and what the server makes of it: workloads, the generator of load, and the measures."""

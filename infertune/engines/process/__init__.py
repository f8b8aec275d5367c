"""Servers as processes: started, supervised and ended, and why one failed."""

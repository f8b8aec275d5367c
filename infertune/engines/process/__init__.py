"""Servers as processes: started, watched, ended, and why one failed."""

"""The search for engine settings under an SLO: launching servers, measuring them, searching, verifying."""

"""Whether a running server has the settings that it should have."""

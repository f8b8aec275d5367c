"""What comes back from an OpenAI-compatible endpoint: read within limits, in every form in use, by all who ask one."""

"""The engine ``openai``: any OpenAI-compatible endpoint over HTTP."""

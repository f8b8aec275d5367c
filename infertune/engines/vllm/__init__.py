"""The engine ``vllm``: a vLLM server of one's own, started, watched, and asked through the engine ``openai``."""

"""What an OpenAI-compatible endpoint sends back, in every form in use, read within limits by one reader."""

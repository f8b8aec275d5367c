"""What a person sees: tables, JSON, pictures."""

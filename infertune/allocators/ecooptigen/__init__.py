"""The allocator ``ecooptigen``: BlendSearch with cost pruning, as published."""

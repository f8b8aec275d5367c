"""The allocator ``value``, the default: buys what promises most utility per token (docs/design/search.md)."""

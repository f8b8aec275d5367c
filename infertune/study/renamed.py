"""Names that were others before: what a study was begun with under an old one is the same search."""

DEFAULT = "knowledge-gradient"
_SEARCHES = {"infertune": DEFAULT}  # until version 0.2


def canonical(search: str) -> str:
    """Return the name by which a search is known now."""
    return _SEARCHES.get(search, search)

"""Ways to search by the name of an allocator or a sampler, as `--search` takes it."""

from infertune import plugins
from infertune.errors import InvalidInputError, nearest
from infertune.study.allocator_search import AllocatorSearch
from infertune.study.renamed import canonical
from infertune.study.sampler_search import SamplerSearch
from infertune.study.search import Search


def search_named(name: str) -> Search:
    """Return the search of that name; raise InvalidInputError with the nearest name where there is none."""
    name = canonical(name)
    if name in plugins.names("allocators"):
        return AllocatorSearch(plugins.load("allocators", name)())
    if name in plugins.names("samplers"):
        return SamplerSearch(plugins.load("samplers", name)())
    known = [*plugins.names("allocators"), *plugins.names("samplers")]
    raise InvalidInputError(f"no search is called '{name}'{nearest(name, known)}")

"""Ways to search by the name of an allocator or a sampler, as `--search` takes it."""

from infertune import plugins
from infertune.allocators import Allocator
from infertune.errors import InvalidInputError, nearest
from infertune.study.renamed import canonical
from infertune.study.sampler_allocator import SamplerAllocator


def search_named(name: str) -> Allocator:
    """Return the search of that name; raise InvalidInputError with the nearest name where there is none."""
    name = canonical(name)
    if name in plugins.names("allocators"):
        allocator: Allocator = plugins.load("allocators", name)()
        return allocator
    if name in plugins.names("samplers"):
        return SamplerAllocator(plugins.load("samplers", name)())
    known = [*plugins.names("allocators"), *plugins.names("samplers")]
    raise InvalidInputError(f"no search is called '{name}'{nearest(name, known)}")

"""Ways to search by the name of an allocator or a sampler, as `--search` takes it."""

from infertune import plugins
from infertune.allocators import Allocator
from infertune.budget import Budget
from infertune.errors import InvalidInputError, nearest
from infertune.study.renamed import canonical
from infertune.study.sampler_allocator import SamplerAllocator


def check_tolerance(name: str, budget: Budget) -> None:
    """Raise InvalidInputError where there is no such search, or where it cannot tell when a tolerance is reached."""
    search = search_named(name)
    if budget.tolerance is not None and not hasattr(search, "shortfall"):
        raise InvalidInputError(
            "`tolerance` needs a search that says how far its answer may fall short, as knowledge-gradient does, "
            f"but the search is {name}"
        )


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

"""One name finds a way to search, be it a sampler's or an allocator's."""

import pytest

from infertune import plugins
from infertune.allocators.knowledge_gradient.allocator import KnowledgeGradientAllocator
from infertune.errors import InvalidInputError
from infertune.study.sampler_allocator import SamplerAllocator
from infertune.study.search_names import search_named


def test_every_name_of_both_groups_is_found_and_none_is_in_both() -> None:
    allocators, samplers = plugins.names("allocators"), plugins.names("samplers")
    assert "knowledge-gradient" in allocators and {"tpe", "random", "qmc", "grid"} <= set(samplers)
    assert not set(allocators) & set(samplers)
    assert all(isinstance(search_named(name), plugins.load("allocators", name)) for name in allocators)
    assert {type(search_named(name)) for name in samplers} == {SamplerAllocator}
    assert type(search_named("infertune")) is KnowledgeGradientAllocator  # the name that it had


@pytest.mark.parametrize(("wrong", "right"), [("knowledge-gradent", "knowledge-gradient"), ("tpee", "tpe")])
def test_an_unknown_name_gets_the_nearest_of_both(wrong: str, right: str) -> None:
    with pytest.raises(InvalidInputError, match=f"no search is called '{wrong}'; did you mean '{right}'"):
        search_named(wrong)

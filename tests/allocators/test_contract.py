"""Our allocators keep the contract that a plugin's must."""

import pytest

from infertune import plugins
from infertune.allocators import Allocator
from infertune.testing.allocator_contract import AllocatorContract


class TestContract(AllocatorContract):
    @pytest.fixture(params=plugins.names("allocators"))
    def allocator(self, request: pytest.FixtureRequest) -> Allocator:
        found: Allocator = plugins.load("allocators", request.param)()
        return found

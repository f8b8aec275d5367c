"""The cache of keys and values: what is written to a slot is what its rows see, and copies disturb nothing else."""

import pytest

torch = pytest.importorskip("torch", reason="the engine hf needs the extra [hf]")

from infertune.engines.hf.slots import SlotCache  # noqa: E402


def _filled(n_slots: int, n_tokens: int) -> tuple[SlotCache, "torch.Tensor"]:
    cache = SlotCache(n_slots)
    positions = torch.arange(n_tokens).expand(n_slots, n_tokens)
    cache.place(positions)
    new = torch.randn(n_slots, 2, n_tokens, 4, generator=torch.Generator().manual_seed(0))
    cache.update(new, new + 1, 0)
    return cache, new


@pytest.mark.parametrize("n_tokens", [1, 63, 64, 65, 128])
def test_a_slot_is_copied_whole_whatever_its_length(n_tokens: int) -> None:
    cache, new = _filled(4, n_tokens)
    cache.copy(3, [0, 1], n_tokens)
    cache.place(torch.full((4, 1), n_tokens - 1))
    keys, values = cache.update(new[:, :, -1:], new[:, :, -1:] + 1, 0)
    for slot in (0, 1):
        assert torch.equal(keys[slot, :, : n_tokens - 1], new[3, :, : n_tokens - 1])
        assert torch.equal(values[slot, :, : n_tokens - 1], new[3, :, : n_tokens - 1] + 1)
    assert torch.equal(keys[2, :, :n_tokens], new[2])


def test_a_token_sees_itself_and_what_came_before() -> None:
    cache = SlotCache(2)
    mask = cache.place(torch.tensor([[0, 1], [4, 5]]))
    assert mask.shape == (2, 1, 2, 64)
    assert mask[0, 0].sum(-1).tolist() == [1, 2]
    assert mask[1, 0].sum(-1).tolist() == [5, 6]


def test_slots_keep_their_contents_when_the_cache_grows() -> None:
    cache, new = _filled(2, 64)
    cache.place(torch.full((2, 1), 64))
    keys, _ = cache.update(new[:, :, :1], new[:, :, :1], 0)
    assert cache.n_positions == 128
    assert torch.equal(keys[:, :, :64], new)


def test_rows_may_name_their_slots() -> None:
    cache, new = _filled(3, 2)
    cache.place(torch.tensor([[2], [2]]), torch.tensor([2, 0]))
    keys, _ = cache.update(new[:2, :, :1] * 10, new[:2, :, :1], 0)
    assert torch.equal(keys[0, :, :2], new[2]) and torch.equal(keys[1, :, :2], new[0])
    assert torch.equal(keys[0, :, 2], new[0, :, 0] * 10)

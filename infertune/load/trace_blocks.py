"""How many tokens a hash id stands for: a recording does not say it, but its lengths do."""

from collections.abc import Sequence

from infertune.errors import InvalidInputError
from infertune.load.recorded import Recorded

MOST = 65_536
_USUAL = (512, 16, 32, 64, 128, 256, 1024, 2048)  # Mooncake's, Alibaba's, then those of servers
_WAY_OUT = "say how many tokens a block has, as in trace:FILE.jsonl,block=512"


def size(rows: Sequence[Recorded]) -> int:
    """Return the block size under which every row has as many hash ids as its prompt has blocks.

    An incomplete block at the end has an id in all rows or in none. Where several sizes fit, the first of the usual
    ones is taken: Mooncake's 512.

    Raises:
        InvalidInputError: None fits.
    """
    hashed = [(row.n_input, len(row.hash_ids)) for row in rows if row.hash_ids]
    for is_last_hashed in (True, False):
        if is_last_hashed:  # n > block * (k - 1) and n <= block * k
            low = max(-(-n // k) for n, k in hashed)
            high = min(((n - 1) // (k - 1) if k > 1 else MOST) for n, k in hashed)
        else:  # n >= block * k and n < block * (k + 1)
            low = max(n // (k + 1) + 1 for n, k in hashed)
            high = min(n // k for n, k in hashed)
        if low <= high:
            fitting = [each for each in _USUAL if low <= each <= high]
            if fitting or low == high:
                return fitting[0] if fitting else low
            raise InvalidInputError(f"the hash ids may be of {low:,} to {high:,} tokens each: {_WAY_OUT}")
    raise InvalidInputError(f"the hash ids go with no one number of tokens each: {_WAY_OUT}")

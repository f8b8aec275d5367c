"""What settings of a vLLM server are known by: effects that only the wanted value has.

Each probe sends requests of its own and reads the server's counters before and after. Other clients would be in the
counters too, so a server that is at work is not probed.
"""

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from infertune.engines.vllm.metrics import ServerMetrics
from infertune.serving.verify.observation import Observation
from infertune.serving.verify.running_server import RunningServer
from infertune.types import Scalar

_EFFECT = "effect"
_FIRST_TOKEN, _N_TOKENS = 300, 500  # ids of plain pieces of text in every vocabulary that is in use
_UNKNOWN_BLOCK = 128
_CACHED_TOKENS = 512  # more than the blocks of any common size
_MOST_SEQUENCES = 256
_LOOK_SECONDS = 0.02
_SEQUENCE_TOKENS = 48
_REPEATED_TOKENS = 64
_SPECULATED_TOKENS = 64
_LONGEST_PROMPT = 32_768

Wanted = Mapping[str, Scalar]
Probe = Callable[[RunningServer, Wanted], list[Observation]]


def effects(server: RunningServer, wanted: Wanted) -> list[Observation]:
    """Return what is seen of the wanted settings, whose names have no prefix, by what the server does."""
    made: list[Observation] = []
    for names, probe in _PROBES:
        here = [name for name in names if name in wanted]
        if not here:
            continue
        why = "" if probe is _length else _obstacle(server)
        made += [_unseen(name, why) for name in here] if why else [s for s in probe(server, wanted) if s.name in here]
    return made


def _obstacle(server: RunningServer) -> str:
    """Return why the counters cannot be relied on; empty where they can."""
    if not server.labels("vllm:num_requests_running"):
        return "the server shows no counters of vLLM's under /metrics"
    now = server.metrics()
    return "other requests are on the server, and would be in its counters" if now.n_running + now.n_waiting else ""


def _prefix_cache(server: RunningServer, wanted: Wanted) -> list[Observation]:
    """Ask the same prompt twice: what is found of it the second time is a number of whole blocks.

    The last token is always computed, and the prompt has just an even number of blocks of the wanted size: of blocks
    half as large more of it would be found, of blocks twice as large less.
    """
    block = int(wanted.get("block_size", _UNKNOWN_BLOCK))
    most = min(max(_CACHED_TOKENS, 2 * block), (server.max_model_len or _LONGEST_PROMPT) - 1)
    n_tokens = most // (2 * block) * 2 * block
    if not n_tokens:
        return [_unseen(name, "the server takes no prompt of two blocks") for name in _CACHE_SETTINGS]
    prompt = _tokens(n_tokens)
    first = _counted(server, lambda: server.complete(prompt, max_tokens=1))
    again = _counted(server, lambda: server.complete(prompt, max_tokens=1))
    if first is None or again is None:
        return [_unseen(name, "the server refuses a plain prompt") for name in _CACHE_SETTINGS]
    hit, queried = again.prefix_hit_tokens, again.prefix_queried_tokens
    says = f"of a prompt of {n_tokens} tokens asked twice, {hit} were found in the cache"
    if not queried:
        says = "the server looks for no prompt in a cache"
        off = _unseen("block_size", "there is no prefix cache that would show its blocks")
        return [_seen("enable_prefix_caching", says, agrees=wanted.get("enable_prefix_caching") is False), off]
    expected = (n_tokens - 1) // block * block
    blocks = f"{says}, where blocks of {block} give {expected}"
    return [
        _seen("enable_prefix_caching", says, agrees=wanted.get("enable_prefix_caching") is True)
        if hit
        else _unseen("enable_prefix_caching", f"{says}, though they were looked for: its blocks may be longer"),
        _seen("block_size", blocks, agrees=hit == expected),
    ]


def _sequences(server: RunningServer, wanted: Wanted) -> list[Observation]:
    """Send more requests at once than may run at once: the gauge of running ones stops at the limit."""
    limit = int(wanted["max_num_seqs"])
    if limit > _MOST_SEQUENCES:
        says = f"a burst of over {_MOST_SEQUENCES} requests would be needed"
        return [_unseen("max_num_seqs", says)]
    n_requests = limit + max(4, limit // 4)
    over = threading.Event()
    looks: list[ServerMetrics] = []

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            looks.append(server.metrics())

    with ThreadPoolExecutor(n_requests + 1) as pool:
        watching = pool.submit(watch)
        asked = [pool.submit(server.complete, _tokens(4), max_tokens=_SEQUENCE_TOKENS) for _ in range(n_requests)]
        try:
            refused = sum(each.result() != 200 for each in asked)
        finally:
            over.set()
        watching.result()
    most = max((look.n_running for look in looks), default=0)
    queued = any(look.n_running == most and look.n_waiting for look in looks)
    says = f"of {n_requests} requests at once, at most {most} ran"
    if refused:
        return [_unseen("max_num_seqs", f"{refused} of {n_requests} requests at once were refused")]
    if most > limit:
        return [_seen("max_num_seqs", says, agrees=False)]
    if most == limit and queued:
        return [_seen("max_num_seqs", f"{says}, and others waited", agrees=True)]
    crowded = any(look.kv_usage > _CROWDED for look in looks)
    if queued and not crowded:
        return [_seen("max_num_seqs", f"{says}, while others waited and the cache had room", agrees=False)]
    return [_unseen("max_num_seqs", f"{says}; something else than this setting may have held the others back")]


def _length(server: RunningServer, wanted: Wanted) -> list[Observation]:
    """Send a prompt that leaves no room for an answer: it must be refused, and one token fewer must not be."""
    limit = int(wanted["max_model_len"])
    if limit > _LONGEST_PROMPT:
        return [_unseen("max_model_len", f"a prompt of over {_LONGEST_PROMPT} tokens would be needed")]
    too_long = server.complete(_tokens(limit), max_tokens=1)
    if too_long == 200:
        says = f"a prompt of {limit} tokens was answered, which leaves no room below the limit"
        return [_seen("max_model_len", says, agrees=False)]
    longest = server.complete(_tokens(limit - 1), max_tokens=1)
    says = f"a prompt of {limit} tokens was refused, one of {limit - 1} was {'not' if longest == 200 else 'too'}"
    return [_seen("max_model_len", says, agrees=longest == 200)]


def _speculation(server: RunningServer, wanted: Wanted) -> list[Observation]:
    """Let the model go on with a text that repeats itself; a server that does not speculate has no counters of it."""
    phrase = _tokens(8)
    repeated = phrase * (_REPEATED_TOKENS // len(phrase))
    counted = _counted(server, lambda: server.complete(repeated, max_tokens=_SPECULATED_TOKENS))
    if counted is None:
        return [_unseen(name, "the server refuses a plain prompt") for name in _SPECULATION_SETTINGS]
    positions = {labels.get("position") for labels in server.labels(_POSITIONS)}
    wants = wanted.get("speculative_method", "none") != "none"
    if not server.labels(_DRAFTS):
        return [_seen(name, "it has no counters of drafts", agrees=not wants) for name in _SPECULATION_SETTINGS]
    says = f"it made {counted.n_drafts} drafts in {_SPECULATED_TOKENS} tokens"
    if not wants:
        return [_seen("speculative_method", says, agrees=False)]
    made = [_unseen("speculative_method", f"{says}, but nothing says by which method")]
    if "speculative_tokens" in wanted:
        agrees = len(positions) == int(wanted["speculative_tokens"])
        # It counts the accepted tokens by their position in the draft, and has a counter for each.
        made.append(_seen("speculative_tokens", f"it counts {len(positions)} positions of a draft", agrees=agrees))
    return made


_DRAFTS = "vllm:spec_decode_num_drafts_total"
_POSITIONS = "vllm:spec_decode_num_accepted_tokens_per_pos_total"
_CROWDED = 0.9  # share of the cache in use from which the cache may be what holds requests back
_CACHE_SETTINGS = ("enable_prefix_caching", "block_size")
_SPECULATION_SETTINGS = ("speculative_method", "speculative_tokens")
_PROBES: Sequence[tuple[tuple[str, ...], Probe]] = (
    (_CACHE_SETTINGS, _prefix_cache),
    (("max_num_seqs",), _sequences),
    (("max_model_len",), _length),
    (_SPECULATION_SETTINGS, _speculation),
)


def _counted(server: RunningServer, ask: Callable[[], int]) -> ServerMetrics | None:
    """Return what was counted meanwhile; None where the request was refused."""
    before = server.metrics()
    status = ask()
    return server.metrics().since(before) if status == 200 else None


def _tokens(n: int) -> list[int]:
    """Return token ids that the server has never seen together."""
    return [_FIRST_TOKEN + secrets.randbelow(_N_TOKENS) for _ in range(n)]


def _seen(name: str, says: str, *, agrees: bool) -> Observation:
    return Observation(name=name, source=_EFFECT, says=says, agrees=agrees)


def _unseen(name: str, why: str) -> Observation:
    return Observation(name=name, source=_EFFECT, says=why, agrees=None)

"""What an OpenAI-compatible endpoint really does with a request: found by `infertune.engines.probing`, or known."""

from dataclasses import dataclass

from infertune.engines.openai.dialects import dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an endpoint honours. A setting that it accepts and ignores is not honoured, and is never sent.

    Attributes:
        server: Kind of server in lower case, such as ``vllm``; empty when it does not tell.
        version: Of the server; empty when it does not tell.
        warpers: Order in which the decoding settings act, as in `Engine.facts`; empty when unknown.
        chat: Answers ``/chat/completions``.
        completions: Answers ``/completions``.
        max_completion_tokens: Knows ``max_tokens`` by this newer name only.
        least_max_tokens: The smallest ``max_tokens`` that is taken.
        temperature: Where not, samples come at the server's own temperature.
        least_temperature: The smallest that is taken.
        most_temperature: The largest that is known to be taken, where a larger one was refused; else None.
        top_p: And the next three likewise: has the effect that `Decoding` describes.
        stop: Ends at stop texts; where not, the texts are cut here.
        most_stops: Stop texts that are taken at most; 0 where no limit is known. The others are cut here.
        n: Gives several samples for one prompt, which is then paid once.
        most_n: Samples that one call may ask for; 0 where no limit is known.
        bills_each: Bills the prompt for each of the samples of a call.
        counts_one: Of the samples of a call it counts the tokens of one only, though all are made.
        seed: The same seed gives the same sample again. False as well where a seed is not safe to send.
        seed_nests: ``n=k`` with seed ``s`` gives the samples of the seeds ``s`` to ``s + k - 1``.
        logprobs: Gives every sampled token with a log probability, so that a text can be cut at any token.
        raw_logprobs: These are the model's own, before temperature, penalty and truncation, so that samples can be
            ranked by them.
        token_ids: Gives token ids, asked for as its `Dialect` has it.
        extra: Names of further arguments that have an effect, such as ``presence_penalty``.
    """

    server: str = ""
    version: str = ""
    warpers: str = ""
    chat: bool = True
    completions: bool = True
    max_completion_tokens: bool = False
    least_max_tokens: int = 1
    temperature: bool = True
    least_temperature: float = 0.0
    most_temperature: float | None = None
    top_p: bool = False
    top_k: bool = False
    min_p: bool = False
    repetition_penalty: bool = False
    stop: bool = False
    most_stops: int = 0
    n: bool = False
    most_n: int = 0
    bills_each: bool = False
    counts_one: bool = False
    seed: bool = False
    seed_nests: bool = False
    logprobs: bool = False
    raw_logprobs: bool = False
    token_ids: bool = False
    extra: tuple[str, ...] = ()

    @property
    def counts_tokens(self) -> bool:
        """Whether the tokens of each sample of an answer can be told apart; if not, only their sum is known."""
        return self.logprobs or self.token_ids

    @property
    def samples_per_prompt(self) -> int | None:
        """Most samples of a request that share the price of one prompt; None where all do."""
        if not self.n or self.bills_each:
            return 1
        return self.most_n or None


def vllm_capabilities(version: str = "", *, seed: bool = True) -> Capabilities:
    """Return what vLLM from 0.10 on honours; ``seed`` is False where a seed is not safe to send."""
    return Capabilities(
        server="vllm",
        version=version,
        warpers=dialect("vllm").warpers,
        top_p=True,
        top_k=True,
        min_p=True,
        repetition_penalty=True,
        stop=True,
        n=True,
        seed=seed,
        seed_nests=seed,
        logprobs=True,
        raw_logprobs=True,
        token_ids=True,
    )

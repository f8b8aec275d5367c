# ruff: noqa: D102  (the names of the tests say what they test)
"""What every engine must do, as a class of pytest tests. Subclass it beside a fixture that gives your engine::

@pytest.fixture(scope="module")
def engine():
    engine = MyEngine(...)
    yield engine
    engine.close()

class TestMyEngine(EngineContract):
    pass
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from infertune.types import Decoding, Engine, Generation, Message, Prompt, Request, Response

CAPITAL: Prompt = (Message("user", "What is the capital of France? Answer in one sentence."),)
COLOUR: Prompt = (Message("system", "You are brief."), Message("user", "Name a colour, then a fruit, then a city."))
STORY: Prompt = "Once upon a time, in a village by the sea, there lived an old clockmaker who"


class EngineContract:
    """The tests. Override the attributes where the engine's nature demands it.

    Attributes:
        agreement: The least share, above 0.5, of samples that are the same, token by token, whatever else is
            generated. Where arithmetic depends on the batch (most GPUs, most servers) near-ties can flip, and the
            engine's documentation must say so. At 1 log probabilities are compared as well, to the last bit.
        most_in_flight: Most requests of one sample pulled before the first response is yielded.
        max_tokens: Length of the generated samples; long enough that some end early.
        chat: Whether chat prompts can be answered.
        hottest: The highest temperature asked for; some servers refuse more than 2.
    """

    agreement = 1.0
    most_in_flight = 256
    max_tokens = 24
    chat = True
    hottest = 2.5

    def request(
        self, example: str, prompt: Prompt = STORY, /, *, n: int = 1, seed: int = 0, **decoding: Any
    ) -> Request:
        """Return a request for samples 0 to n - 1 under the given settings."""
        settings = Decoding(**{"max_tokens": self.max_tokens, **decoding})
        return Request(example_id=example, prompt=prompt, decoding=settings, seed=seed, samples=tuple(range(n)))

    def mixed(self) -> list[Request]:
        """Return requests of every kind: prompts and outputs of several lengths, all settings, several samples.

        Every prompt comes with every other setting, and every setting with every other prompt.
        """
        prompts: list[Prompt] = [STORY, "1, 2, 3, 4,", "The", f"{STORY} repaired the same watch twice. " * 8]
        if self.chat:
            prompts += [CAPITAL, COLOUR]
        settings: list[dict[str, Any]] = [
            {"temperature": 0.0},
            {},
            {"temperature": 0.7, "top_p": 0.9},
            {"top_k": 5, "max_tokens": self.max_tokens // 2},
            {"temperature": 1.3, "min_p": 0.1},
            {"repetition_penalty": 1.3, "top_k": 40, "top_p": 0.8, "max_tokens": self.max_tokens // 3},
            {"stop": (".", "\n")},
            {"temperature": self.hottest},
        ]
        return [
            self.request(f"{i}-{j}", prompt, n=1 + (i + j) % 3, **setting)
            for i, prompt in enumerate(prompts)
            for j, setting in enumerate(settings)
            if (i + j) % 2 == 0
        ]

    # What a response holds

    def test_facts_name_the_engine(self, engine: Engine) -> None:
        facts = dict(engine.facts)
        assert facts["engine"] and facts["model"]
        assert all(isinstance(key, str) and isinstance(value, str) for key, value in facts.items())
        assert dict(engine.facts) == facts

    def test_no_requests_no_responses(self, engine: Engine) -> None:
        assert list(engine.generate([])) == []

    def test_samples_are_the_ones_asked_for_in_order(self, engine: Engine) -> None:
        wish = Request(example_id="a", prompt=STORY, decoding=Decoding(max_tokens=4), samples=(5, 0, 3))
        response = only(engine, wish)
        assert response.request == wish
        assert [generation.sample for generation in response.generations] == [5, 0, 3]

    def test_chat_prompts_are_answered(self, engine: Engine) -> None:
        if not self.chat:
            pytest.skip("this engine has no chat template")
        assert only(engine, self.request("chat", CAPITAL)).generations[0].text

    # Randomness

    def test_greedy_samples_agree(self, engine: Engine) -> None:
        first, second, third = only(engine, self.request("g", n=3, temperature=0.0, seed=1)).generations
        assert first.token_ids == second.token_ids == third.token_ids

    def test_samples_and_seeds_differ(self, engine: Engine) -> None:
        one = only(engine, self.request("d", n=6, temperature=1.5)).generations
        other = only(engine, self.request("d", n=6, temperature=1.5, seed=1)).generations
        assert len({g.token_ids for g in (*one, *other)}) > 6

    def test_asking_twice_gives_the_same(self, engine: Engine) -> None:
        wish = self.request("twice", n=3)
        self.assert_agree(pairs(only(engine, wish), only(engine, wish)))

    def test_samples_together_or_apart_are_the_same(self, engine: Engine) -> None:
        together = only(engine, self.request("apart", n=4)).generations
        alone = [
            Request(example_id="apart", prompt=STORY, decoding=Decoding(max_tokens=self.max_tokens), samples=(sample,))
            for sample in range(4)
        ]
        self.assert_agree([(only(engine, wish).generations[0], together[n]) for n, wish in enumerate(alone)])

    def test_every_request_is_answered_once_and_company_changes_nothing(self, engine: Engine) -> None:
        requests = self.mixed()
        responses = list(engine.generate(requests))
        assert sorted(r.request.example_id for r in responses) == sorted(r.example_id for r in requests)
        for response in responses:
            check_response(response)
        in_company = {response.request: response for response in responses}
        reversed_order = {response.request: response for response in engine.generate(requests[::-1])}
        found = [pair for each in requests for pair in pairs(in_company[each], reversed_order[each])]
        found += [pair for each in requests[::5] for pair in pairs(in_company[each], only(engine, each))]
        self.assert_agree(found)

    # Length and stop texts

    def test_fewer_tokens_are_a_prefix(self, engine: Engine) -> None:
        settings: list[dict[str, Any]] = [
            {},
            {"temperature": 0.0},
            {"temperature": self.hottest},
            {"stop": ("th", "e ", ",")},
        ]
        lengths = (1, 2, self.max_tokens // 2, self.max_tokens - 1)
        whole = [self.request("p", n=3, **setting) for setting in settings]
        asked = [self.request("p", n=3, **{**setting, "max_tokens": n}) for setting in settings for n in lengths]
        long = {answer.request.decoding: answer.generations for answer in engine.generate(whole)}
        expected: list[tuple[Generation, Generation]] = []
        for answer in engine.generate(asked):
            length = answer.request.decoding.max_tokens
            of_it = replace(answer.request.decoding, max_tokens=self.max_tokens)
            pairs = zip(answer.generations, long[of_it], strict=True)
            expected += [(small, truncated(large, length)) for small, large in pairs]
        assert len(expected) == 3 * len(settings) * len(lengths)
        self.assert_agree(expected)

    def test_a_stop_text_ends_the_sample(self, engine: Engine) -> None:
        free = only(engine, self.request("s", n=4)).generations
        letter = free[0].text.strip()[0]
        stopped = only(engine, self.request("s", n=4, stop=(letter,))).generations
        assert stopped[0].finish_reason == "stop"
        assert not any(letter in after.text for after in stopped)
        alike = [
            after.text == before.text.split(letter)[0] and after.token_ids == before.token_ids[: len(after.token_ids)]
            for before, after in zip(free, stopped, strict=True)
        ]
        assert sum(alike) >= self.agreement * len(alike)

    def test_too_long_a_prompt_is_a_failed_response(self, engine: Engine) -> None:
        response = only(engine, self.request("long", max_tokens=10_000_000))
        assert response.error and not response.generations

    # Pulling and closing

    def test_requests_are_pulled_only_when_there_is_room(self, engine: Engine) -> None:
        pulled = 0

        def requests() -> Iterator[Request]:
            nonlocal pulled
            for number in range(4 * self.most_in_flight):
                pulled += 1
                yield self.request(str(number), "1, 2, 3,", max_tokens=2)

        responses = engine.generate(requests())
        assert pulled == 0
        next(responses)
        assert 1 <= pulled <= self.most_in_flight
        responses.close()  # type: ignore[attr-defined]
        assert pulled <= self.most_in_flight

    def test_where_there_is_nothing_to_send_yet_it_asks_again(self, engine: Engine) -> None:
        answered: list[str] = []

        def requests() -> Iterator[Request | None]:
            for number in range(4):
                while number > len(answered) + 1:  # two at most are in flight
                    yield None
                yield self.request(str(number), max_tokens=4)

        for response in engine.generate(requests()):
            answered.append(response.request.example_id)
        assert sorted(answered) == ["0", "1", "2", "3"]

    def test_with_nothing_to_send_and_nothing_in_flight_it_ends(self, engine: Engine) -> None:
        requests = iter([None, self.request("a"), None])
        assert list(engine.generate(requests)) == []
        assert [each.request.example_id for each in engine.generate(requests)] == ["a"]

    def test_an_error_in_the_requests_reaches_the_caller_and_breaks_nothing(self, engine: Engine) -> None:
        def requests() -> Iterator[Request]:
            yield self.request("before")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            list(engine.generate(requests()))
        assert not only(engine, self.request("after")).error

    # Comparisons

    def assert_agree(self, pairs: Sequence[tuple[Generation, Generation]]) -> None:
        """Assert that enough pairs of samples are the same: all of them, bitwise, where the engine promises that."""
        assert pairs, "nothing was compared"
        assert self.agreement > 0.5, "so little would be no promise"
        if self.agreement == 1:
            for one, other in pairs:
                assert one == other
        same = [one.token_ids == other.token_ids and one.text == other.text for one, other in pairs]
        assert sum(same) >= self.agreement * len(same), f"{sum(same)} of {len(same)} samples agree"


def pairs(one: Response, other: Response) -> list[tuple[Generation, Generation]]:
    """Return the samples of two answers to one request, side by side."""
    assert one.prompt_tokens == other.prompt_tokens
    assert [g.sample for g in one.generations] == [g.sample for g in other.generations]
    return list(zip(one.generations, other.generations, strict=True))


def truncated(long: Generation, max_tokens: int) -> Generation:
    """Return what a sample says that ``max_tokens`` would have given."""
    if len(long.token_ids) <= max_tokens:
        return long
    return replace(
        long,
        token_ids=long.token_ids[:max_tokens],
        logprobs=long.logprobs[:max_tokens],
        text_ends=long.text_ends[:max_tokens],
        text=long.text[: long.text_ends[max_tokens - 1]],
        finish_reason="length",
    )


def only(engine: Engine, request: Request) -> Response:
    """Return the response to one request asked alone."""
    responses: Sequence[Response] = list(engine.generate([request]))
    assert len(responses) == 1
    return responses[0]


def check_response(response: Response) -> None:
    """Assert what holds of every answer."""
    assert not response.error
    assert response.prompt_tokens > 0 and response.seconds >= 0
    assert response.completion_tokens == sum(len(g.token_ids) for g in response.generations)
    for generation in response.generations:
        check_generation(generation, response.request.decoding)


def check_generation(generation: Generation, decoding: Decoding) -> None:
    """Assert what holds of every sample."""
    n_tokens = len(generation.token_ids)
    assert 1 <= n_tokens <= decoding.max_tokens
    assert len(generation.logprobs) == len(generation.text_ends) == n_tokens
    assert all(logprob <= 0 for logprob in generation.logprobs)
    assert list(generation.text_ends) == sorted(generation.text_ends)
    assert generation.text_ends[-1] == len(generation.text)
    assert generation.finish_reason == "stop" or n_tokens == decoding.max_tokens
    assert not any(stop in generation.text for stop in decoding.stop)

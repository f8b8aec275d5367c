"""What becomes of a call: an answer or a failure, and what was paid without use; and the response made of several."""

import math
import time

from infertune.engines.openai.completion import Completion
from infertune.engines.openai.payload import Call
from infertune.engines.openai.retry import Fault
from infertune.types import REFUSED, Request, Response
from infertune.wire.usage import estimated


class Attempts:
    """A call, its outcome as soon as there is one, and what was paid beyond the answer.

    Attributes:
        sent_at: By the monotonic clock, of the first attempt; 0 before.
        n_unknown: Attempts that were paid at a price that is not known, which is taken to be the answer's own.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.answer: Completion | None = None
        self.failure: Fault | None = None
        self.sent_at = 0.0
        self.n_unknown = 0
        self._prompt_tokens = 0
        self._completion_tokens = 0

    def unusable(self, fault: Fault) -> None:
        """Book what an attempt without an answer has cost."""
        if fault.prompt_tokens is not None:
            self._prompt_tokens += fault.prompt_tokens
            self._completion_tokens += fault.completion_tokens or 0
        elif fault.may_be_paid:
            self.n_unknown += 1

    def failed(self, fault: Fault, usual: "UsualLength") -> None:
        """Give up; what attempts may have cost that told nothing is reckoned, for no answer will tell it."""
        self.failure = fault
        prompt = self.call.request.prompt
        text = prompt if isinstance(prompt, str) else "\n".join(turn.content for turn in prompt)
        self._prompt_tokens += self.n_unknown * estimated(text)
        self._completion_tokens += self.n_unknown * usual.of(self.call)

    def copied(self, answer: Completion) -> None:
        """Book an answer that came second."""
        self._prompt_tokens += answer.prompt_tokens
        self._completion_tokens += answer.completion_tokens

    def extra(self) -> tuple[int, int]:
        """Return the prompt and completion tokens paid beyond the answer."""
        prompt_tokens, completion_tokens = self._prompt_tokens, self._completion_tokens
        if self.answer is not None:
            prompt_tokens += self.n_unknown * self.answer.prompt_tokens
            completion_tokens += self.n_unknown * self.answer.completion_tokens + self.answer.unused_tokens
        return prompt_tokens, completion_tokens


class UsualLength:
    """Mean completion tokens of the samples that an endpoint has answered."""

    def __init__(self) -> None:
        self._n_samples = 0
        self._tokens = 0

    def answered(self, answer: Completion) -> None:
        """Count an answer in."""
        self._n_samples += len(answer.generations)
        self._tokens += answer.completion_tokens

    def of(self, call: Call) -> int:
        """Return what the samples of a call usually have together: at most their limit, and that before any answer."""
        limit = call.request.decoding.max_tokens
        usual = self._tokens / self._n_samples if self._n_samples else limit
        return math.ceil(min(usual, limit) * len(call.samples))


def response(request: Request, trades: list[Attempts]) -> Response:
    """Return the response to a request from the outcomes of its calls; a failed one where one of them failed."""
    seconds = time.monotonic() - min((trade.sent_at for trade in trades if trade.sent_at), default=time.monotonic())
    extra_prompt_tokens, extra_completion_tokens = map(sum, zip(*(trade.extra() for trade in trades), strict=True))
    answers = [trade.answer for trade in trades if trade.answer is not None]
    failure = next((trade.failure for trade in trades if trade.failure is not None), None)
    paid_prompt_tokens = sum(answer.prompt_tokens for answer in answers)
    if failure is not None:
        return Response(
            request=request,
            generations=(),
            prompt_tokens=0,
            seconds=seconds,
            extra_prompt_tokens=extra_prompt_tokens + paid_prompt_tokens,
            extra_completion_tokens=extra_completion_tokens
            + sum(len(each.token_ids) for answer in answers for each in answer.generations),
            error=f"{REFUSED if failure.blame == 'request' else ''}{failure.said}",
        )
    made = {each.sample: each for answer in answers for each in answer.generations}
    prompt_tokens = answers[0].prompt_tokens // answers[0].n_prompts
    return Response(
        request=request,
        generations=tuple(made[sample] for sample in request.samples),
        prompt_tokens=prompt_tokens,
        seconds=seconds,
        extra_prompt_tokens=extra_prompt_tokens + paid_prompt_tokens - prompt_tokens,
        extra_completion_tokens=extra_completion_tokens,
    )

"""What a study paid, in tokens, requests and seconds."""

from dataclasses import dataclass, replace

from infertune.types import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one study paid. A sample that another study had paid for cost it nothing and is not in here.

    Attributes:
        prompt_tokens: Once for each answered request.
        completion_tokens: Of all samples.
        n_requests: Answered requests.
        extra_prompt_tokens: Paid beyond the answers, failed requests included: see `Response`.
        extra_completion_tokens: Likewise.
        n_failed: Requests that failed for good; of their tokens only the extra ones are known and counted.
        seconds: Sum over requests; those generated side by side each count in full.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    extra_prompt_tokens: int = 0
    extra_completion_tokens: int = 0
    n_requests: int = 0
    n_failed: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """All that was paid."""
        return self.all_prompt_tokens + self.all_completion_tokens

    @property
    def extra_tokens(self) -> int:
        """What was paid beyond the answers."""
        return self.extra_prompt_tokens + self.extra_completion_tokens

    @property
    def all_prompt_tokens(self) -> int:
        """Prompt tokens that were paid, at whatever use."""
        return self.prompt_tokens + self.extra_prompt_tokens

    @property
    def all_completion_tokens(self) -> int:
        """Completion tokens that were paid, at whatever use."""
        return self.completion_tokens + self.extra_completion_tokens

    def plus(self, response: Response) -> "Spent":
        """Return the account after one more response; its time is not counted here."""
        has_failed = bool(response.error)
        return replace(
            self,
            prompt_tokens=self.prompt_tokens + (0 if has_failed else response.prompt_tokens),
            completion_tokens=self.completion_tokens + (0 if has_failed else response.completion_tokens),
            extra_prompt_tokens=self.extra_prompt_tokens + response.extra_prompt_tokens,
            extra_completion_tokens=self.extra_completion_tokens + response.extra_completion_tokens,
            n_requests=self.n_requests + (not has_failed),
            n_failed=self.n_failed + has_failed,
        )

"""What a study has spent, in tokens, requests and seconds."""

from dataclasses import dataclass, fields, replace

from infertune.types import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one study has spent. A sample that another study paid for costs it nothing and is not counted here.

    Attributes:
        prompt_tokens: Of answered requests, each prompt counted once.
        completion_tokens: Of all samples.
        n_requests: Answered requests.
        extra_prompt_tokens: Spent beyond the answers, on failed requests too: see `Response`.
        extra_completion_tokens: Likewise.
        n_failed: Requests that failed for good; only their extra tokens are known and counted.
        seconds: Sum over requests; concurrent requests each count in full.
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
        """All tokens spent."""
        return self.all_prompt_tokens + self.all_completion_tokens

    @property
    def extra_tokens(self) -> int:
        """Tokens spent beyond the answers."""
        return self.extra_prompt_tokens + self.extra_completion_tokens

    @property
    def all_prompt_tokens(self) -> int:
        """All prompt tokens, the extra ones included."""
        return self.prompt_tokens + self.extra_prompt_tokens

    @property
    def all_completion_tokens(self) -> int:
        """All completion tokens, the extra ones included."""
        return self.completion_tokens + self.extra_completion_tokens

    def with_extra(self, prompt_tokens: int, completion_tokens: int) -> "Usage":
        """Return the sum with tokens that brought no answer."""
        return replace(
            self,
            extra_prompt_tokens=self.extra_prompt_tokens + prompt_tokens,
            extra_completion_tokens=self.extra_completion_tokens + completion_tokens,
        )

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(**{each.name: getattr(self, each.name) - getattr(other, each.name) for each in fields(self)})

    def plus(self, response: Response) -> "Usage":
        """Return the sum after one more response, whose time is not counted here."""
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

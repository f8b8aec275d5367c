"""The requests that a configuration makes of examples."""

from collections.abc import Iterable

from infertune.space.extra_settings import is_extra
from infertune.space.names import ARGUMENT, DECODING, MAX_TOKENS, PROMPT
from infertune.tasks import Task
from infertune.types import Configuration, Decoding, Example, Request


def requests_for(
    task: Task,
    configuration: Configuration,
    examples: Iterable[Example],
    *,
    n_samples: int,
    max_tokens: int,
    seed: int,
) -> list[Request]:
    """Return the requests that buy ``n_samples`` of each example; a greedy setting needs one, for all are equal."""
    settings = {
        name.removeprefix(DECODING): value
        for name, value in configuration.items()
        if name.startswith(DECODING) and name != MAX_TOKENS
    }
    extra = {name: settings.pop(name) for name in list(settings) if is_extra(f"decoding.{name}")}
    extra |= {name: value for name, value in configuration.items() if name.startswith(ARGUMENT)}
    decoding = Decoding(**settings, max_tokens=max_tokens, stop=task.stop, extra=tuple(sorted(extra.items())))  # type: ignore[arg-type]
    template = task.prompts[str(configuration[PROMPT])]
    samples = (0,) if decoding.temperature == 0 else tuple(range(n_samples))
    return [
        Request(
            example_id=example.id,
            prompt=template.render(example.fields),
            decoding=decoding,
            seed=seed,
            samples=samples,
        )
        for example in examples
    ]

"""The engine ``replay``: answers from a recorded bank, for no tokens, what the engine that was recorded had answered.

It knows what was recorded and nothing else: a request that differs in prompt, settings, seed or example, or wants more
samples or more tokens, is a failed response. Shorter ``max_tokens`` are cut from longer samples, exactly.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from infertune.bank import SampleBank
from infertune.errors import InvalidInputError
from infertune.types import Request, Response, Unsupported


class ReplayEngine:
    """Opens a bank that one engine has filled.

    Its facts are those of the recorded engine, for the samples are the same ones; so are prompt and completion tokens
    and seconds: a study on a recorded bank keeps the books of the real one.

    Args:
        model: Path of the bank's SQLite file, or a database URL.

    Raises:
        InvalidInputError: There is no such bank, or not exactly one engine has filled it.
    """

    def __init__(self, model: str) -> None:
        if "://" not in model and not Path(model).is_file():
            raise InvalidInputError(
                f"the engine 'replay' takes a recorded bank for its model, but there is no {model}"
            )
        self._bank = SampleBank(model)
        engines = self._bank.engines()
        if len(engines) != 1:
            self._bank.close()
            found = "; ".join(f"{facts.get('engine')} with {facts.get('model')}" for facts in engines) or "none"
            raise InvalidInputError(f"{model} must hold the samples of one engine, but has {len(engines)}: {found}")
        self._facts = engines[0]

    @property
    def facts(self) -> Mapping[str, str]:
        """Those of the engine that was recorded."""
        return self._facts

    @property
    def unsupported(self) -> Sequence[Unsupported]:
        """Nothing: what was recorded was honoured then."""
        return ()

    @property
    def batch_size(self) -> int:
        """One: an answer takes no time."""
        return 1

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Response]:
        """Yield the recorded response to each request, in order, pulling one at a time."""
        for request in requests:
            if request is None:
                return
            (found,) = self._bank.get(self._facts, [request])
            if len(found.generations) == len(request.samples):
                yield found
            else:
                yield Response(
                    request=request, generations=(), prompt_tokens=0, seconds=0.0, error=found.error or _lacking(found)
                )

    def close(self) -> None:
        """Close the bank; it may be called twice."""
        self._bank.close()


def _lacking(found: Response) -> str:
    n_found = len(found.request.samples)
    return f"not recorded: {n_found} samples of it are there" if n_found else "not recorded"

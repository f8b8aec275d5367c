"""What can be set of a vLLM that is installed here, whoever starts it and for whatever."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infertune.engines.vllm import installed as vllm_installed
from infertune.engines.vllm import serve_arguments, settings
from infertune.engines.vllm.installed import Installed
from infertune.engines.vllm.interpreter import VLLMPython
from infertune.space import Constraint, Parameter, SearchSpace, notation
from infertune.types import Scalar


@dataclass(frozen=True, slots=True)
class VLLMSettings:
    """The settings of one installed vLLM with one model.

    Attributes:
        installed: What that vLLM makes of the model; it knows the other flags by name.
        parameters: What is worth searching, with the defaults of this version, model and machine.
    """

    installed: Installed
    parameters: tuple[Parameter, ...]

    @classmethod
    def asked(
        cls,
        python: VLLMPython,
        folder: Path,
        flags: Mapping[str, Scalar],
        environment: Mapping[str, str],
        *,
        fixed: Mapping[str, Scalar],
        changing_answers: bool,
    ) -> "VLLMSettings":
        """Return those that are not fixed, after asking vLLM for what it has (about ten seconds).

        Args:
            python: That has vLLM.
            folder: Of the model.
            flags: That every server gets; ``environment`` likewise.
            fixed: See `of`; ``changing_answers`` likewise.

        Raises:
            InvalidInputError: vLLM does not take the flags.
            EngineError: vLLM cannot take the model.
        """
        found = vllm_installed.ask(python, folder, arguments=serve_arguments.words(flags), environment=environment)
        return cls.of(found, fixed=fixed, changing_answers=changing_answers)

    @classmethod
    def of(
        cls, installed: Installed, *, fixed: Mapping[str, Scalar], changing_answers: bool = False
    ) -> "VLLMSettings":
        """Return those that are not fixed.

        Args:
            installed: Asked with the flags of every server.
            fixed: Flags that are not searched.
            changing_answers: Also what may change what is generated: types of weights and cache, quantisation.
        """
        return cls(installed, settings.parameters(installed, given=fixed, changing_answers=changing_answers))

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """Which of their values vLLM refuses together."""
        return settings.constraints(self.installed, self.parameters)

    def searched(self, texts: Sequence[str]) -> SearchSpace:
        """Return the space with the user's changes, which may name any flag that this vLLM has.

        Args:
            texts: Each ``NAME=VALUES``; the name with or without ``engine.``, with dashes or underscores.

        Raises:
            InvalidInputError: There is no such flag, or it cannot have such values.
        """
        whole = settings.with_flags(SearchSpace(self.parameters, self.constraints), self.installed, texts)
        return notation.changed(whole, [settings.named_as_in(whole, text) for text in texts])

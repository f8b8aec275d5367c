"""The pages of the documentation as their tests see them: fenced blocks, and the commands among them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$(?:\s+^```text\n(?P<output>.*?)^```$)?", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; ``output`` is the block of kind ``text`` that follows it at once."""

    page: Path
    line: int
    language: str
    text: str
    output: str | None

    @property
    def commands(self) -> list[str]:
        """The lines behind a prompt, without it; a backslash joins a line to the next."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(language: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in BLOCK.finditer(text):
            if match["language"] == language:
                line = text.count("\n", 0, match.start()) + 1
                found.append(Block(page, line, language, match["text"], match["output"]))
    return found


def commands() -> list[tuple[str, str]]:
    """Return (place, command line) of every infertune command in a console block."""
    typed = [(str(block), line) for block in [*blocks("console"), *blocks("bash")] for line in block.commands]
    return [(place, line) for place, line in typed if line.startswith("infertune")]

"""The environments of the peers: one for each set of libraries that cannot live together, all outside infertune's.

They lie under `environments/` beside this file, or where the variable INFERTUNE_PEERS says.
"""

import os
import subprocess
import sys
from pathlib import Path

from infertune.errors import InfertuneError

HERE = Path(__file__).parent
PINNED = HERE / "requirements"
ENVIRONMENTS = tuple(sorted(path.stem for path in PINNED.glob("*.txt")))
_MARK = "installed.txt"


class PeerMissing(InfertuneError):
    """A peer's environment is not there."""


def home() -> Path:
    """Return the folder of all environments."""
    return Path(os.environ.get("INFERTUNE_PEERS") or HERE / "environments")


def installed(name: str) -> bool:
    """Whether an environment is there, whole and with the versions pinned today."""
    mark = home() / name / _MARK
    return mark.exists() and mark.read_text() == _pins(name)


def python(name: str | None) -> str:
    """Return the Python of an environment; of this one where there is no name.

    Raises:
        PeerMissing: It must be installed first.
    """
    if name is None:
        return sys.executable
    if not installed(name):
        raise PeerMissing(
            f"the environment of this peer must be installed, but {home() / name} is not there or has other versions; "
            f"say: python -m benchmarks.search.peers install {name}"
        )
    return str(home() / name / "bin" / "python")


def install(name: str) -> bool:
    """Build an environment; return False where it is there already."""
    if installed(name):
        return False
    folder = home() / name
    own = str(folder / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    # The files name every package, so nothing is left to resolve.
    pip = [own, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*pip, "--requirement", PINNED / f"{name}.txt"], check=True)
    (folder / _MARK).write_text(_pins(name))
    return True


def _pins(name: str) -> str:
    return (PINNED / f"{name}.txt").read_text()

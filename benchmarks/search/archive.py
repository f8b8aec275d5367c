"""A recorded bank as one compressed file: exactly what was recorded, for the engine `replay`.

python -m benchmarks.search.archive benchmarks/search/recorded/capitals.db.xz
"""

import lzma
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path


def pack(bank: Path) -> Path:
    """Write the bank, without its free pages, to ``<bank>.xz`` and return that path."""
    packed = bank.with_name(bank.name + ".xz")
    with tempfile.TemporaryDirectory() as folder:
        compact = Path(folder) / "bank.db"
        with closing(sqlite3.connect(bank)) as connection:
            connection.execute("VACUUM INTO ?", [str(compact)])
        with compact.open("rb") as source, lzma.open(packed, "wb", preset=6) as target:
            shutil.copyfileobj(source, target, 1 << 20)
    return packed


def unpack(packed: Path) -> Path:
    """Write the bank beside its compressed file, unless it is there, and return its path."""
    bank = packed.with_suffix("")
    if not bank.exists():
        with tempfile.TemporaryDirectory(dir=packed.parent) as folder:
            whole = Path(folder) / bank.name
            with lzma.open(packed) as source, whole.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            whole.rename(bank)
    return bank


if __name__ == "__main__":
    for packed in map(Path, sys.argv[1:]):
        print(unpack(packed))

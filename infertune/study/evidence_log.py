"""What the trials of a study brought, beside their records: a study that goes on need not score its samples again.

It is all in the bank as well, so a row that is missing, damaged or of another infertune is no loss but of time.
"""

import zlib
from collections.abc import Mapping

import msgspec
import numpy as np
from sqlalchemy import Column, Engine, Integer, LargeBinary, MetaData, String, Table, Text, delete, insert, select

from infertune import __version__
from infertune.bank.database import create_tables, readable_errors
from infertune.bank.keys import digest_of
from infertune.types import Configuration, Scalar
from infertune.types.arrays import FloatArray
from infertune.types.evidence import Evidence, Order

_TABLES = MetaData()
_EVIDENCE = Table(
    "bank_trial_evidence",
    _TABLES,
    Column("study", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String(32), nullable=False),
    Column("evidence", LargeBinary, nullable=False),
)


class _Record(msgspec.Struct, frozen=True):
    """As it is stored; arrays are little-endian float64, row by row."""

    configuration: dict[str, Scalar]
    examples: tuple[int, ...]
    n_samples: int
    max_tokens: int | None
    choices: tuple[dict[str, Scalar], ...]
    scores: bytes
    tokens: bytes
    prompt_tokens: bytes
    refused: tuple[int, ...]


class EvidenceLog:
    """Reads and writes the evidence of one study's trials.

    Args:
        database: As `infertune.bank.database.connect` gave it.
        study: Its name.
    """

    def __init__(self, database: Engine, study: str) -> None:
        self._database = database
        self._study = study
        with readable_errors(database):
            create_tables(database, _TABLES)

    def put(self, number: int, evidence: Evidence | None) -> None:
        """Keep the evidence of a trial, in place of what a killed run left under its number."""
        own = (_EVIDENCE.c.study == self._study) & (_EVIDENCE.c.number == number)
        with readable_errors(self._database), self._database.begin() as connection:
            connection.execute(delete(_EVIDENCE).where(own))
            if evidence is not None:
                packed = _packed(evidence)
                row = {"study": self._study, "number": number, "digest": self._digest(number, packed)}
                connection.execute(insert(_EVIDENCE).values(**row, evidence=packed))

    def all(self) -> Mapping[int, Evidence]:
        """Return the evidence by the trial's number, of those whose row is whole."""
        found = {}
        with readable_errors(self._database), self._database.connect() as connection:
            for row in connection.execute(select(_EVIDENCE).where(_EVIDENCE.c.study == self._study)):
                if isinstance(row.evidence, bytes) and row.digest == self._digest(row.number, row.evidence):
                    found[row.number] = _unpacked(row.evidence)
        return found

    def _digest(self, number: int, packed: bytes) -> str:
        return digest_of(__version__, self._study, str(number), packed)


def _packed(evidence: Evidence) -> bytes:
    order = evidence.order
    record = _Record(
        configuration=dict(order.configuration),
        examples=order.examples,
        n_samples=order.n_samples,
        max_tokens=order.max_tokens,
        choices=tuple(dict(choice) for choice in evidence.choices),
        scores=evidence.scores.astype("<f8").tobytes(),
        tokens=evidence.tokens.astype("<f8").tobytes(),
        prompt_tokens=evidence.prompt_tokens.astype("<f8").tobytes(),
        refused=evidence.refused,
    )
    return zlib.compress(msgspec.msgpack.encode(record), level=1)


def _unpacked(packed: bytes) -> Evidence:
    record = msgspec.msgpack.decode(zlib.decompress(packed), type=_Record)
    shape = (len(record.choices), len(record.examples))
    return Evidence(
        order=Order(
            configuration=Configuration(record.configuration),
            examples=record.examples,
            n_samples=record.n_samples,
            max_tokens=record.max_tokens,
        ),
        choices=tuple(Configuration(choice) for choice in record.choices),
        scores=_floats(record.scores).reshape(shape),
        tokens=_floats(record.tokens).reshape(shape),
        prompt_tokens=_floats(record.prompt_tokens),
        refused=record.refused,
    )


def _floats(data: bytes) -> FloatArray:
    return np.frombuffer(data, dtype="<f8").astype(np.float64)

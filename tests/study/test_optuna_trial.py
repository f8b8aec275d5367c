"""What we write into Optuna's tables is what Optuna itself would."""

from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import create_engine, text

from infertune.study import optuna_trial

TABLES = ("trials", "trial_values", "trial_params", "trial_user_attributes", "trial_system_attributes")
DISTRIBUTIONS = {
    "prompt.template": optuna.distributions.CategoricalDistribution(("short", "long", "é")),
    "decoding.temperature": optuna.distributions.FloatDistribution(0.0, 2.0),
    "decoding.top_k": optuna.distributions.IntDistribution(1, 64, log=True),
}
ATTRIBUTES = {"n_examples": 24, "cause": "", "infertune:trial": '{"a": [1, 2.5, null]}'}


def trials() -> list[FrozenTrial]:
    params = {"prompt.template": "é", "decoding.temperature": 0.1 + 0.2, "decoding.top_k": 7}
    return [
        optuna.create_trial(values=[0.3, 31.4], params=params, distributions=DISTRIBUTIONS, user_attrs=ATTRIBUTES),
        optuna.create_trial(values=[float("inf"), float("-inf")], user_attrs={"cause": "none"}),
        optuna.create_trial(state=TrialState.FAIL, params=params, distributions=DISTRIBUTIONS),
    ]


def rows(file: Path) -> dict[str, list[object]]:
    with create_engine(f"sqlite:///{file}").connect() as connection:
        return {
            table: sorted(map(tuple, connection.execute(text(f"SELECT * FROM {table}"))), key=str) for table in TABLES
        }


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_tables_are_as_optuna_would_have_written_them(tmp_path: Path) -> None:
    finished = trials()
    files = tmp_path / "theirs.db", tmp_path / "ours.db"
    for file in files:
        storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
        studies = [
            optuna.create_study(storage=storage, study_name=name, directions=["maximize", "minimize"])
            for name in ("first", "second")
        ]
        for study, trial in ((study, trial) for trial in finished for study in studies):
            if file.stem == "theirs":
                study.add_trial(trial)
            else:
                optuna_trial.write(storage, study, trial)
        assert [each.number for each in studies[1].trials] == [0, 1, 2]
        storage.remove_session()
    assert any(rows(files[0]).values())
    assert rows(files[1]) == rows(files[0])

"""Writes a finished trial into Optuna's tables, all of it at once: Optuna asks the database about every parameter."""

import json
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial


def write(storage: "RDBStorage", study: "Study", trial: "FrozenTrial") -> None:
    """Append a trial to a study, in one transaction.

    Args:
        storage: Where the study is. No other process may write to the study meanwhile: the next number is not locked.
        study: Which.
        trial: Complete or failed. Its number is that of the trials before it, whatever it says.
    """
    from optuna.distributions import distribution_to_json
    from optuna.storages._rdb import models  # Optuna tells nobody its tables but in a private module

    values = [models.TrialValueModel.value_to_stored_repr(value) for value in trial.values or ()]
    with Session(storage.engine) as session, session.begin():
        of_study = models.TrialModel.study_id == study._study_id
        number = session.scalar(select(func.count()).select_from(models.TrialModel).where(of_study))
        row = models.TrialModel(
            study_id=study._study_id,
            number=number,
            state=trial.state,
            datetime_start=trial.datetime_start,
            datetime_complete=trial.datetime_complete,
        )
        row.values = [
            models.TrialValueModel(objective=at, value=value, value_type=kind)
            for at, (value, kind) in enumerate(values)
        ]
        row.params = [
            models.TrialParamModel(
                param_name=name,
                param_value=trial.distributions[name].to_internal_repr(value),
                distribution_json=distribution_to_json(trial.distributions[name]),
            )
            for name, value in trial.params.items()
        ]
        row.user_attributes = [
            models.TrialUserAttributeModel(key=key, value_json=json.dumps(value))
            for key, value in trial.user_attrs.items()
        ]
        session.add(row)

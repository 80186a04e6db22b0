import numpy as np
import pandas as pd

from lossjumps.stages.tracked_conditions import condition_metrics


def conditions(**changes):
    row = {
        "condition": "a",
        "loss": "loss_free",
        "kind": "any",
        "window": 1,
        "runs": 8,
        "jumps": 40,
        "bifurcations": 100,
        "precursor_rate": 0.75,
        "null_precursor_mean": 0.25,
        "p_precursor": 0.001,
        "trigger_rate": 0.5,
        "null_trigger_mean": 0.125,
        "p_trigger": 0.01,
    }
    others = [{"window": 2}, {"kind": "occupied"}, {"loss": "loss_forced"}]
    return pd.DataFrame([row | changes, *(row | changes | {"runs": 99} | other for other in others)])


def test_numbers_of_the_primary_loss_and_window():
    assert condition_metrics(conditions(), 1) == {
        "a": {
            "condition/runs": 8,
            "condition/jumps": 40,
            "condition/bifurcations": 100,
            "condition/precursor_rate": 0.75,
            "condition/precursor_chance": 0.25,
            "condition/precursor_p": 0.001,
            "condition/trigger_rate": 0.5,
            "condition/trigger_chance": 0.125,
            "condition/trigger_p": 0.01,
        }
    }


def test_too_few_jumps_have_no_p_and_without_bifurcations_chance_gives_nothing():
    def shown(**changes):
        return {name.partition("/")[2] for name in condition_metrics(conditions(**changes), 1)["a"]}

    counts = {"runs", "jumps", "bifurcations"}
    rates = {"precursor_rate", "trigger_rate"}
    assert shown(jumps=5) == shown()
    assert shown(jumps=4) == counts | rates | {"precursor_chance", "trigger_chance"}
    assert shown(jumps=0, precursor_rate=np.nan) == counts | {"trigger_rate"}
    assert shown(bifurcations=0, trigger_rate=np.nan) == counts | {"precursor_rate"}


def test_no_number_is_infinite_or_missing():
    shown = condition_metrics(conditions(precursor_rate=np.inf, p_precursor=np.nan, null_trigger_mean=-np.inf), 1)["a"]
    assert all(np.isfinite(value) for value in shown.values()) and len(shown) == 6


def test_the_recorded_loss_speaks_where_no_other_is_measured():
    table = conditions().assign(condition="b", loss="loss_recorded").head(1)
    assert condition_metrics(table, 1)["b"]["condition/jumps"] == 40

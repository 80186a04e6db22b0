"""The hypotheses on the experiment of test_statistics.py, and on runs that leave nothing to test."""

import numpy as np
import pandas as pd
import pytest
from tests.stages.test_statistics import experiment, plan_table  # noqa: F401  (the fixture)

from lossjumps.schema import CoincidenceConfig, EventsConfig
from lossjumps.stages import statistics
from lossjumps.stages.conditions import ConditionRuns, planned_history, runs_of_conditions
from lossjumps.stages.hypotheses import hypotheses_table
from lossjumps.stages.sensitivity import sensitivity_table
from lossjumps.stages.summary_hypotheses import causes_text, hypotheses_text, sensitivity_text


@pytest.fixture(scope="module")
def conditions(experiment):  # noqa: F811
    tables = statistics.planned_tables(experiment, plan_table())
    return list(runs_of_conditions(plan_table(), tables, planned_history(experiment, plan_table())))


def test_hypotheses_on_paper(conditions):
    config = CoincidenceConfig(windows=[0, 1], primary_window=1, surrogates=99, seed=1)
    table = hypotheses_table(plan_table(), conditions, config).set_index(["hypothesis", "training"])
    assert len(table) == 5 * 2 + 1
    # BPTT up: jumps 10, 80, 20, 49; folds 10, 39, 60, 20, 47: 10-10 and 20-20 within an epoch, and 40 was downwards.
    a = table.loc["a", "bptt"]
    assert (a["jumps"], a["bifurcations"]) == (4, 5)
    assert a["estimate"] == 2 / 4
    assert a["answer"] == "cannot tell: 4 jumps upwards"
    assert np.isnan([a["p"], a["p_holm"], a["odds_ratio"], a["odds_ratio_given_steps"]]).all()
    assert table.loc["b", "bptt"]["estimate"] == 2 / 5
    assert table.loc["b, persistence", "bptt"]["answer"] == "cannot tell: 4 jumps upwards"
    assert table.loc["a", "gtf"]["answer"] == "cannot tell: no jumps upwards"
    # Hits of BPTT: 1, 1, 0.  Chance: a fold is at each of the 25 epochs of its block equally often, so that 2 of 25
    # shifts precede 10, 20 and 49; the fold at 60 may move to 50 ... 74 and never precedes 80.
    c = table.loc["c", "gtf"]
    assert c["compared_with"] == "toy plrnn bptt"
    by_hand = np.array([1 - 2 / 25, 1 - 2 / 25, 0 - 2 / 25])
    assert c["estimate"] == pytest.approx(-by_hand.mean())
    assert (c["jumps"], c["bifurcations"]) == (4, 7)
    # Of the signs of 0.92, 0.92 and -0.08 four of eight patterns have a sum of at least 1.76.  It is the only test.
    assert c["p"] == c["p_holm"] == 4 / 8
    d = table.loc["d, fold", "bptt"]
    assert d["answer"].startswith("cannot tell: ") and d["estimate"] > 0  # three runs are too few
    assert table.loc["d, transcritical", "gtf"]["answer"] == "cannot tell: no runs with such an event"


def test_one_choice_is_changed_at_a_time(conditions):
    events = EventsConfig(coincidence=CoincidenceConfig(windows=[0, 1], surrogates=19))
    table = sensitivity_table(conditions, events)
    bptt = table[table["training"] == "bptt"].set_index(["choice", "value"])
    assert bptt.loc[("none", ""), "precursor_hits"] == 2
    assert bptt.loc[("window", "0"), "precursor_hits"] == 2
    assert bptt.loc[("sign", "both"), ["jumps", "precursor_hits"]].tolist() == [5, 3]  # 40 follows 39
    assert bptt.loc[("direction", "birth"), "bifurcations"] == 0
    # 49 follows 47 by two: with lag 1 it is within the window, and 10, 20 and 80 are not.
    assert bptt.loc[("lag", "1"), "precursor_hits"] == 1
    assert bptt.loc[("null", "poisson"), "null"].startswith("poisson: ")
    assert ("null", "swap") not in bptt.index  # three runs
    # The losses of the fixture jump tenfold over a constant: every threshold finds the three jumps of seed 0 and so on.
    assert bptt.loc[("threshold", "16"), "jumps"] == bptt.loc[("threshold", "4"), "jumps"] == 4


def no_runs(conditions, **changes):
    first = conditions[0]
    own = {name: getattr(first, name) for name in ConditionRuns.__dataclass_fields__} | changes
    return ConditionRuns(**own)


@pytest.mark.parametrize("kept", [0, 1])
def test_few_runs_are_a_sentence(conditions, kept):
    names = ("runs", "seeds", "lengths", "jumps", "bifurcations", "history")
    few = [
        no_runs([condition], **{name: getattr(condition, name)[:kept] for name in names}) for condition in conditions
    ]
    config = CoincidenceConfig(windows=[0, 1], surrogates=9)
    table = hypotheses_table(plan_table(), few, config)
    assert table["answer"].str.startswith("cannot tell: ").all()
    text = hypotheses_text(table, 1)
    assert "nan" not in text.lower()
    assert len(sensitivity_table(few, EventsConfig(coincidence=config))) > 0


def test_runs_without_an_event_are_a_sentence(conditions):
    changes = {name: [table[:0] for table in getattr(conditions[0], name)] for name in ("jumps", "bifurcations")}
    table = hypotheses_table(plan_table(), [no_runs([one], **changes) for one in conditions[:1]] + conditions[1:],
                             CoincidenceConfig(windows=[0, 1], surrogates=9))  # fmt: skip
    assert "nan" not in hypotheses_text(table, 1).lower()
    assert set(table.loc[table["training"] == "bptt", "answer"]) >= {"cannot tell: no jumps upwards"}


def test_runs_that_all_diverged_at_once_are_a_sentence(conditions):
    dead = [
        no_runs(
            [one],
            lengths=[0] * len(one.runs),
            jumps=[table[:0] for table in one.jumps],
            bifurcations=[table[:0] for table in one.bifurcations],
            history=[table[:1] for table in one.history],
        )
        for one in conditions
    ]
    config = CoincidenceConfig(windows=[0, 1], surrogates=9)
    table = hypotheses_table(plan_table(), dead, config)
    assert table["answer"].str.startswith("cannot tell: ").all()
    assert "nan" not in hypotheses_text(table, 1).lower()
    assert (sensitivity_table(dead, EventsConfig(coincidence=config))["jumps"] == 0).all()


def test_a_hypothesis_is_answered_with_its_number():
    row = {
        "question": "", "dataset": "d", "model": "m", "training": "t", "condition": "c", "label": "d bptt",
        "compared_with": "", "runs": 16, "jumps": 40, "bifurcations": 90, "estimate": 0.4, "expected": 0.1,
        "low": 0.05, "high": 0.2, "p": 0.001, "p_holm": 0.004, "odds_ratio": 3.14159, "p_odds_ratio": 0.02,
        "odds_ratio_given_steps": 1.2, "p_odds_ratio_given_steps": 0.6, "test": "",
        "answer": "yes", "hypothesis": "a",
    }  # fmt: skip
    text = " ".join(
        hypotheses_text(pd.DataFrame([row, row | {"hypothesis": "c", "compared_with": "d gtf"}]), 1).split()
    )
    assert (
        "- d bptt: **yes**; 40.0% of 40 jumps upwards had such a bifurcation, by chance 10.0% (adjusted p = 0.004; odds"
        " ratio 3.14, p = 0.02; with step length and gradient norm accounted for 1.20, p = 0.6)." in text
    )
    assert (
        "- d bptt against d gtf: **yes**; coincidences beyond chance a run change by 0.40, 95 % interval 0.05 to 0.20"
        in text
    )


def test_what_the_choices_do_is_told():
    rows = [
        ("none", "", 40, 0.4, 0.1, 0.001),
        ("threshold", "4", 90, 0.2, 0.15, 0.25),
        ("threshold", "8", 40, 0.4, 0.1, 0.001),  # as chosen
        ("threshold", "16", 10, 0.5, 0.1, 0.01),
        ("symmetric", "true", 40, 0.6, 0.2, 0.06),
        ("min_change", "0.4", 4, 1.0, 0.0, 0.001),  # too few
        ("detector", "change points", 0, np.nan, np.nan, np.nan),
        ("kind", "any", 40, 0.9, 0.5, 0.3),  # another question
        ("window", "0", 40, 0.375, 0.05, 0.001),
        ("lag", "1", 40, 0.025, 0.075, 0.9),
    ]
    table = pd.DataFrame(rows, columns=["choice", "value", "jumps", "precursor_rate", "expected", "p"])
    table = table.assign(condition="c", label="d bptt")
    assert " ".join(sensitivity_text(table, 1).split()).endswith(
        "- d bptt: 20.0% to 60.0% of the jumps, by chance 5.0% to 20.0%; p <= 0.05 with 2 of 4 choices that change a"
        " number, not with threshold 4 (p = 0.25), symmetric (p = 0.06). Such a bifurcation lies in the same epoch at"
        " 37.5% (by chance 5.0%), and 1 to 2 epochs before at 2.5% (by chance 7.5%)."
    )
    assert sensitivity_text(table.assign(jumps=4), 1) == ""
    assert sensitivity_text(table[:0], 1) == sensitivity_text(table[:1], 1) == ""


def test_where_chance_alone_gives_nearly_as_much_nothing_is_said(conditions):
    changes = {
        "jumps": [table.assign(loss="loss_free", sign=1) for table in conditions[0].jumps],
        "bifurcations": [
            pd.DataFrame({"epoch": np.arange(n), "kind": "nonsmooth_fold", "topological": True}).assign(
                occupied=True, direction="birth"
            )
            for n in conditions[0].lengths
        ],
    }
    dense = [no_runs([one], **changes) for one in conditions[:1]] + conditions[1:]
    table = hypotheses_table(plan_table(), dense, CoincidenceConfig(windows=[0, 1], surrogates=9))
    row = table.set_index(["hypothesis", "training"]).loc["a", "bptt"]
    assert (row["estimate"], row["expected"]) == (1.0, 1.0)
    assert row["answer"] == "cannot tell: chance alone gives nearly as much" and np.isnan(row["p_holm"])


CAUSES = {
    "loss": ["loss_free"] * 3,
    "run": ["r0"] * 3,
    "cause": ["bifurcation", "step_spike", "step_spike"],
    "events": [1, 2, 0],
    "share": [0.9, 0.1, np.nan],
    "share_long": [np.nan, 0.6, np.nan],
    "share_random": [0.0, 0.02, np.nan],
    "share_reversed": [0.0, 0.0, np.nan],
    "share_matched": [0.1, 0.3, np.nan],
    "share_long_random": [np.nan, 0.7, np.nan],
    "step_ratio": [1.0, 4.0, 3.0],
    "attractor_change": ["", "basin_switch", ""],
    "ghost_steps": [10, 9, 0],
    "others": [8, 8, 4],
    "others_attractor_change": [1, 1, 0],
    "others_step_spike": [0, 0, 1],
    "others_ghost": [5, 5, 5],
}
PLAN = pd.DataFrame({"run": ["r0", "r1"], "label": ["one", "two"]})


def causes_told(**changes):
    return " ".join(causes_text(pd.DataFrame(CAUSES | changes), PLAN).split())


def test_causes_are_counted():
    text = causes_told()
    assert (
        "- one: 3 jumps: bifurcation 1, step spike 2. Of their epochs, what data states are taken to changed in" in text
    )
    assert "changed in 33.3% (10.0%); the step was at least 3 times as long as those around it in 66.7% (5.0%)" in text
    assert "an orbit from the data lingered and left in 33.3% (75.0%). In 2 of them a bifurcation lies;" in text
    assert "at it is 0.500 (at random places 0.010, on the reversed step 0.000, on matched steps 0.200)." in text
    assert (
        "where the loss changes in 1 of these, it is 0.600 (at random places 0.700; it is larger than there in 0)"
        in text
    )
    assert "At least half of the change happens at a bifurcation in 2." in text
    assert "- two: no jump to explain." in text
    assert "A change that is spread evenly over an epoch has a share of 0.002 at any place of it" in text


def test_causes_that_were_not_measured_are_a_sentence():
    unknown = {name: [np.nan] * 3 for name in CAUSES if name.startswith("share")} | {"step_ratio": [np.nan] * 3}
    none = {name: [0] * 3 for name in CAUSES if name.startswith("others")}
    text = causes_told(**unknown, **none)
    assert "nan" not in text and "step was" not in text
    assert "an orbit from the data lingered and left in 33.3%. In 2 of them a bifurcation lies; no share is" in text
    assert "None of them has a bifurcation." in causes_told(**unknown, events=[0] * 3)
    assert "lingered" not in causes_told(loss=["loss_recorded"] * 3)
    nothing = causes_text(pd.DataFrame(CAUSES)[:0], PLAN)
    assert nothing == "- one: no jump to explain.\n- two: no jump to explain."

"""Experiments and their overrides, in Hydra's grammar."""

import pytest

from lossjumps.configuration.experiment import (
    Experiment,
    choices_of,
    combinations,
    read_experiment,
    seeds,
    split_overrides,
    with_overrides,
)
from lossjumps.errors import InputError

EMPTY = Experiment("x", "training", "", {}, {})


def test_split_keeps_quotes_and_brackets_together():
    assert split_overrides("a=1  b=choice(1, 2)\tc='d e' f=[1, 2]") == ["a=1", "b=choice(1, 2)", "c='d e'", "f=[1, 2]"]
    with pytest.raises(InputError, match=r"not closed"):
        split_overrides("a=[1, 2")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seed=range(0,3)", [0, 1, 2]),
        ("training.alpha=0.1,0.3", [0.1, 0.3]),
        ("training.alpha=0.1,null", [0.1, None]),
        ("training.learning_rate=1e-3", [0.001]),
        ("training=glob(b*)", ["bptt"]),
        ("dataset.path='my file.csv'", ["my file.csv"]),
    ],
)
def test_values(composer, text, values):
    assert [value for _, value in choices_of(composer, text)] == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed=range(0,0)", "seed=range.0,0.: the sweep is empty"),
        ("training.alpha=interval(0,1)", "no elements to run; list values"),
        ("training.alpha=shuffle(0.1,0.2)", "the order of runs is fixed"),
        ("training=gft,bptt", "training: unknown option 'gft'; expected one of .*did you mean gtf?"),
        ("training", "expected key=value"),
        ("+training.x=1", "cannot be added"),
        ("~training", "cannot be added, deleted"),
        ("trainig.epochs=1", "trainig.epochs: unknown key; .*did you mean training?"),
        ("seed.x=1", "seed.x: unknown key"),
        ("training.name=gtf", "training.name: choose by training=OPTION"),
        ("search.max_order=1,2", "search.max_order cannot be swept.*sweep dataset, model, training or seed"),
        ("results=a,b", "results cannot be swept"),
    ],
)
def test_what_is_not_understood_is_said(composer, text, message):
    with pytest.raises(InputError, match=message) as caught:
        experiment = with_overrides(composer, EMPTY, [text])
        list(combinations(composer, experiment))
        seeds(composer, experiment, 0)
    assert "\n" not in str(caught.value)


def test_overrides_take_the_place_of_sweeps_and_of_fixed_values(composer):
    asked = with_overrides(composer, EMPTY, ["training=bptt,gtf", "seed=range(0,8)", "training.epochs=10"])
    changed = with_overrides(composer, asked, ["training=gtf", "training.epochs=5,6", "seed=3"])
    assert dict(changed.fixed) == {"training": "training=gtf", "seed": "seed=3"}
    assert dict(changed.sweep) == {"training.epochs": "training.epochs=5,6"}
    assert list(combinations(composer, changed)) == [{"training.epochs": 5}, {"training.epochs": 6}]
    assert seeds(composer, changed, 0) == [3]


@pytest.mark.parametrize("text", ["seed=-1", "seed=a", "seed=0.5", "seed=range(0,1,0.5)", "seed=true", "seed=null"])
def test_seeds_are_integers(composer, text):
    with pytest.raises(InputError, match=r"expected integers >= 0"):
        seeds(composer, with_overrides(composer, EMPTY, [text]), 0)


def test_seeds_are_sorted_and_each_once(composer):
    assert seeds(composer, with_overrides(composer, EMPTY, ["seed=5,1,5,0"]), 0) == [0, 1, 5]
    assert seeds(composer, EMPTY, 7) == [7]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: training\nsweeps: {}\n", "sweeps: unknown key.*did you mean sweep?"),
        ("kind: trainin\n", "kind: unknown kind 'trainin'"),
        ("overrides: training.epochs=3\n", "overrides: expected a list"),
        ("sweep: [seed]\n", "sweep: expected a mapping"),
        ("sweep: {training.alpha: [0.1, 0.2]}\n", "training.alpha: expected a sweep such as"),
        ("- a\n", "expected a mapping"),
        ("a: [\n", "faulty.yaml: line 2: expected YAML, "),
    ],
)
def test_a_faulty_experiment_file_is_named(composer, tmp_path, text, message):
    path = tmp_path / "faulty.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_experiment(composer, "faulty", path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_experiment_names_the_known_ones(composer):
    with pytest.raises(InputError, match=r"unknown experiment .defualt.; .*did you mean default"):
        read_experiment(composer, "defualt")


def test_an_experiment_comes_back_from_its_own_file(composer, tmp_path):
    import yaml

    asked = with_overrides(
        composer, read_experiment(composer, "default"), ["training.alpha=0.1,0.5", "dataset=lorenz63"]
    )
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(asked.to_mapping()))
    assert read_experiment(composer, "default", tmp_path / "experiment.yaml") == asked

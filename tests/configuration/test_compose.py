"""Every option composes into validated objects; what does not fit is one line."""

import shutil

import pytest

from lossjumps.configuration.compose import GROUPS, Composer
from lossjumps.errors import InputError

COPY = ("config.yaml", *GROUPS)


def test_every_option_of_every_group_composes(composer):
    defaults = composer.defaults()
    assert sorted(defaults) == sorted(GROUPS)
    for group in GROUPS:
        for option in composer.options(group):
            own = {"file": {"dataset.path": "a.csv"}, "recorded": {"training.path": "a.npz"}}
            values = own.get(option, {})
            configuration = composer.configuration({group: option}, values)
            assert getattr(getattr(configuration, group), "name", option) == option


def test_values_are_set_over_the_options(composer):
    configuration = composer.configuration(
        {"training": "gtf"}, {"training.alpha": 0.7, "training.evaluation.horizon": 9}
    )
    assert (configuration.training.name, configuration.training.alpha) == ("gtf", 0.7)
    assert configuration.training.evaluation.horizon == 9
    assert composer.configuration({"training": "gtf"}, {}).training.alpha == 0.1


@pytest.mark.parametrize(
    ("choices", "values", "message"),
    [
        ({"model": "shalow_plrnn"}, {}, "model: unknown option 'shalow_plrnn'.*did you mean shallow_plrnn?"),
        ({}, {"training.epoch": 5}, "training.epoch: unknown key.*did you mean epochs?"),
        ({}, {"training.epochs": "many"}, "training.epochs: expected an integer, got 'many'"),
        ({}, {"training.epochs": 0}, "training.epochs: expected an integer >= 1, got 0"),
        ({}, {"training.epochs.more": 0}, "training.epochs: expected an integer|training.epochs.more: unknown key"),
        ({}, {"events.jumps.treshold": 1}, "events.jumps.treshold: unknown key.*did you mean threshold?"),
        ({}, {"events.coincidence.primary_window": 4}, "events.coincidence.primary_window: expected one of"),
        ({}, {"events.coincidence.null_model": "poison"}, "null_model: unknown .*did you mean poisson?"),
        ({}, {"dataset.rhoo": 1}, "dataset.rhoo: unknown key.*did you mean rho?"),
        ({}, {"results": ""}, "results: expected the name of a folder"),
        ({}, {"seeds_per_batch": 0}, "seeds_per_batch: expected an integer >= 1"),
        ({"dataset": "file"}, {}, "dataset.path: expected a .npy, .npz or .csv file, no value given"),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(composer, choices, values, message):
    with pytest.raises(InputError, match=message) as caught:
        composer.configuration(choices, values)
    assert "\n" not in str(caught.value)


@pytest.fixture
def own(composer, tmp_path):
    for name in COPY:
        source = composer.folder / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("dataset/mine.yaml", "name: lorenz\n", "dataset.name: unknown dataset 'lorenz'.*did you mean lorenz63?"),
        ("dataset/mine.yaml", "rho: 3\n", "mine.yaml: dataset.name: expected one of .*, no value given"),
        ("dataset/mine.yaml", "name: [\n", "mine.yaml|while parsing"),
        ("dataset/mine.yaml", "name: lorenz63\nrho: ${nothing}\n", "nothing"),
        (
            "config.yaml",
            "defaults: [{dataset: lorenz63}]\n",
            "config.yaml: defaults: expected a list that chooses an option of model",
        ),
    ],
)
def test_faulty_files_are_named(own, file, text, message):
    (own / file).write_text(text)
    choices = {"dataset": "mine"} if file.startswith("dataset") else {}
    with pytest.raises(InputError, match=message) as caught:
        Composer(own).configuration(choices, {})
    assert "\n" not in str(caught.value)


def test_an_option_of_ones_own_takes_what_it_does_not_say_from_the_schema(own):
    (own / "dataset" / "mine.yaml").write_text("name: lorenz63\nrho: 30.5\n")
    dataset = Composer(own).configuration({"dataset": "mine"}, {}).dataset
    assert (dataset.rho, dataset.sigma) == (30.5, 10.0)


def test_no_configuration_folder(tmp_path):
    with pytest.raises(InputError, match=r"expected a configuration folder with config.yaml"):
        Composer(tmp_path)

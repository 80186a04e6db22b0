"""Plain values become schema objects, or one line says why not."""

import pytest

from lossjumps.configuration.objects import describe_type, to_mapping, to_object
from lossjumps.errors import InputError, one_of
from lossjumps.schema import CoincidenceConfig, EventsConfig, ModelConfig, TrainingConfig


def test_defaults_and_nested_values():
    training = to_object(TrainingConfig, {"name": "gtf", "alpha": 0.5, "evaluation": {"horizon": 7}}, "training.")
    assert (training.alpha, training.epochs, training.evaluation.horizon) == (0.5, 1000, 7)
    assert training.evaluation.horizon_long == 200


def test_a_mapping_comes_back_as_the_same_object():
    events = to_object(EventsConfig, {"coincidence": {"windows": [0, 3], "primary_window": 3}}, "events.")
    assert to_object(EventsConfig, to_mapping(events), "events.") == events


def test_text_that_reads_as_a_number_becomes_one():
    assert to_object(TrainingConfig, {"name": "bptt", "learning_rate": "1e-3"}, "training.").learning_rate == 1e-3


@pytest.mark.parametrize(
    ("schema", "values", "prefix", "message"),
    [
        (ModelConfig, {"name": "plrnn", "hiden": 3}, "model.", "model.hiden: unknown key.*did you mean hidden?"),
        (
            ModelConfig,
            {"name": "plrnn", "hidden": "abc"},
            "model.",
            "model.hidden: expected null or an integer, got 'abc'",
        ),
        (TrainingConfig, {"name": "a", "epochs": None}, "training.", "training.epochs: expected an integer, got null"),
        (TrainingConfig, {"name": "a", "epochs": 2.5}, "training.", "training.epochs: expected an integer, got 2.5"),
        (
            TrainingConfig,
            {"name": "a", "evaluation": {"horizn": 1}},
            "training.",
            "training.evaluation.horizn: unknown key",
        ),
        (TrainingConfig, {"name": "a", "evaluation": 3}, "training.", "training.evaluation: expected a mapping, got 3"),
        (
            TrainingConfig,
            {"name": "a", "evaluation": {"alpha": "x"}},
            "training.",
            "training.evaluation.alpha: expected a number, got 'x'",
        ),
        (TrainingConfig, {"name": "a", "epochs": 0}, "training.", "training.epochs: expected an integer >= 1, got 0"),
        (CoincidenceConfig, {"windows": [0, "a"]}, "c.", r"c.windows: expected a list of integers, got"),
        (ModelConfig, {"name": "plrnn", "nam": 3}, "model.", "model.nam: unknown key; expected one of hidden, latent$"),
        (ModelConfig, {}, "model.", "model.name: no value given"),
    ],
)
def test_what_does_not_fit_is_named_in_one_line(schema, values, prefix, message):
    with pytest.raises(InputError, match=message) as caught:
        to_object(schema, values, prefix)
    assert "\n" not in str(caught.value)


def test_words():
    assert describe_type(int | None) == "null or an integer"
    assert one_of("lorentz63", ["vanderpol", "lorenz63"]) == (
        "expected one of lorenz63, vanderpol; did you mean lorenz63?"
    )

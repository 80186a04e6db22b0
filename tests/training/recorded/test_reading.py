"""Recordings of other people's trainings: every family, both kinds of files, and whatever can be wrong with them."""

import os
import re

import numpy as np
import pytest
import torch
from tests.random_maps import family_parameters

from lossjumps import ReluMap
from lossjumps.errors import InputError
from lossjumps.maps.families import FAMILIES
from lossjumps.schema import RecordedConfig
from lossjumps.training.recorded.reading import read_run, recorded_maps

EPOCHS, STATES = 6, 3
LOSS = np.linspace(1.0, 0.5, EPOCHS)


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def recorded(path="run.npz", **keys):
    return RecordedConfig(name="recorded", path=path, **keys)


def points_of(family, generator=None):
    generator = generator or np.random.default_rng(3)
    return [family_parameters(family, generator) for _ in range(EPOCHS)]


def stacked(points):
    arrays = {key: np.stack([point[key] for point in points]) for key in points[0] if key != "n_relu"}
    return arrays | {key: points[0][key] for key in points[0] if key == "n_relu"}


def save(path="run.npz", **changes):
    """An archive that is as it has to be, but for the changes; None leaves an entry out."""
    entries = stacked(points_of("shallow_plrnn")) | {"loss": LOSS} | changes
    np.savez(path, **{key: value for key, value in entries.items() if value is not None})


def save_folder(folder="run", numbers=range(EPOCHS), **changes):
    os.makedirs(folder, exist_ok=True)
    for number, point in zip(numbers, points_of("shallow_plrnn"), strict=False):
        torch.save({key: torch.tensor(value) for key, value in point.items()}, f"{folder}/epoch_{number}.pt")
    np.save(f"{folder}/losses.npy", changes.get("losses", LOSS))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_the_maps_of_its_constructor(family):
    points = points_of(family)
    np.savez("run.npz", **stacked(points), loss=LOSS, family=family)
    run = read_run(recorded(), family, 0)
    maps, segments = recorded_maps(run.family, run.parameters)
    assert (len(maps), len(segments)) == (EPOCHS, EPOCHS - 1)
    for relu_map, point in zip(maps, points, strict=True):
        for one, other in zip(relu_map.parameters, FAMILIES[family].relu_map(point).parameters, strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(run.loss, LOSS)
    assert (run.last_epoch, run.why, run.states) == (EPOCHS - 1, "", None)
    np.testing.assert_array_equal(run.epochs, np.arange(EPOCHS))


def test_between_epochs_a_dendritic_network_follows_its_own_parameters():
    points = points_of("dendritic_plrnn")
    np.savez("run.npz", **stacked(points), loss=LOSS)
    run = read_run(recorded(), "dendritic_plrnn", 0)
    segment = recorded_maps(run.family, run.parameters)[1][2]
    middle = {key: 0.5 * (points[2][key] + points[3][key]) for key in points[0]}
    expected = ReluMap.dendritic_plrnn(**middle)
    np.testing.assert_allclose(segment(0.5).U, expected.U, rtol=1e-13)


class Decoder(torch.nn.Module):
    """A network as users write it: the recurrent part is a member, and there is a readout."""

    def __init__(self, bias=True):
        super().__init__()
        self.rnn = torch.nn.RNN(2, STATES, nonlinearity="relu", bias=bias)
        self.readout = torch.nn.Linear(STATES, 2)


@pytest.mark.parametrize("bias", [True, False])
def test_checkpoints_of_a_torch_rnn(bias):
    os.mkdir("run")
    expected = []
    for number in range(0, 50, 10):
        network = Decoder(bias)
        expected.append(ReluMap.from_torch(network.rnn))
        torch.save({"epoch": number, "model_state_dict": network.state_dict(), "loss": 1.0}, f"run/model-{number}.pt")
    run = read_run(recorded("run"), "relu_rnn", 0)
    np.testing.assert_array_equal(run.epochs, range(0, 50, 10))
    maps, _ = recorded_maps(run.family, run.parameters)
    for relu_map, other in zip(maps, expected, strict=True):
        for one, array in zip(relu_map.parameters, other.parameters, strict=True):
            np.testing.assert_allclose(one, array, rtol=1e-7)


def test_checkpoints_come_in_the_order_of_their_numbers():
    save_folder(numbers=(2, 10, 1, 7, 100, 30))
    run = read_run(recorded("run"), "shallow_plrnn", 0)
    points = points_of("shallow_plrnn")
    np.testing.assert_array_equal(run.epochs, [1, 2, 7, 10, 30, 100])
    np.testing.assert_array_equal(run.parameters["h2"], [points[place]["h2"] for place in (2, 0, 3, 1, 5, 4)])


def test_names_of_the_users_own():
    entries = stacked(points_of("plrnn"))
    names = {"A": "decay", "W": "net.weights", "loss": "validation"}
    renamed = {names.get(key, key): value for key, value in entries.items()}
    np.savez("run.npz", **renamed, validation=LOSS)
    run = read_run(recorded(keys=names), "plrnn", 0)
    np.testing.assert_array_equal(run.parameters["W"], entries["W"])
    np.savez("run.npz", **{f"latent.{key}": value for key, value in entries.items()}, loss=LOSS)
    np.testing.assert_array_equal(read_run(recorded(), "plrnn", 0).parameters["h"], entries["h"])


def test_each_seed_has_its_own_files():
    save("run007.npz", losses=None)
    np.save("loss7.npy", 2 * LOSS)
    config = recorded("run{seed:03d}.npz", losses="loss{seed}.npy")
    np.testing.assert_array_equal(read_run(config, "shallow_plrnn", 7).loss, 2 * LOSS)


def test_losses_from_a_table_are_those_of_the_recorded_epochs():
    save_folder(numbers=range(0, 60, 10))
    os.remove("run/losses.npy")
    lines = [f"{epoch},{epoch / 100},0" for epoch in range(60)]
    with open("run/losses.csv", "w") as stream:
        stream.write("\n".join(["epoch,loss,other", *reversed(lines)]))
    run = read_run(recorded("run"), "shallow_plrnn", 0)
    np.testing.assert_allclose(run.loss, np.arange(0, 60, 10) / 100)


def test_parameters_that_are_not_finite_are_where_the_training_diverged():
    arrays = stacked(points_of("shallow_plrnn"))
    arrays["W1"][4, 1, 2] = np.nan
    arrays["A"][5] = np.inf
    loss = LOSS.copy()
    loss[4:] = np.nan
    np.savez("run.npz", **arrays, loss=loss, epochs=np.arange(EPOCHS) * 50)
    run = read_run(recorded(), "shallow_plrnn", 0)
    assert (run.last_epoch, run.why) == (3, "parameters not finite at recorded epoch 200")


def test_real_numbers_of_any_type():
    entries = {key: value.astype(np.float32) for key, value in stacked(points_of("plrnn")).items()}
    np.savez("run.npz", **entries | {"h": np.ones((EPOCHS, 3), dtype=np.int8)}, loss=LOSS.astype(np.float16))
    run = read_run(recorded(), "plrnn", 0)
    assert {array.dtype for array in (*run.parameters.values(), run.loss.astype(float))} == {np.dtype(float)}


WRONG_ENTRIES = {
    "a parameter is missing": ({"h1": None}, r"missing h1: shallow_plrnn has the keys A, W1, W2, h1, h2; the file has"),
    "an unknown entry": ({"epoch": np.arange(EPOCHS)}, r"unknown epoch: shallow_plrnn has the keys .*epochs, states"),
    "no loss": ({"loss": None}, r"missing loss, the loss at every recorded epoch.*training\.losses"),
    "another family": ({"family": "plrnn"}, r"family: the file says 'plrnn', model is shallow_plrnn"),
    "ragged epochs": ({"W2": np.ones((5, 5, 3))}, r"W2: expected 6 epochs along its first axis, as A has, got 5"),
    "no epoch axis": ({"A": np.float64(0.5)}, r"A: expected the epoch as its first axis, got a single number"),
    "shapes": ({"W2": np.ones((6, 4, 3))}, r"W2: expected shape \(5, 3\), got \(4, 3\); the first axis .* epoch"),
    "text": ({"h1": np.array([["a"] * 3] * 6)}, r"h1: expected real numbers, got type <U1"),
    "complex": ({"h1": np.ones((6, 3), dtype=complex)}, r"h1: expected real numbers, got type complex128"),
    "objects": ({"h1": np.array([None] * 6)}, r"h1: expected real numbers, got pickled objects, which are not loaded"),
    "NaN from the start": ({"h1": np.full((6, 3), np.nan)}, r"expected finite parameters at the first recorded epoch"),
    "too few losses": ({"loss": LOSS[1:]}, r"loss: expected 6 numbers, one at each recorded epoch.*got 5 numbers"),
    "too many axes": ({"loss": LOSS[:, None]}, r"loss: expected 6 numbers.*got shape \(6, 1\)"),
    "a negative loss": ({"loss": -LOSS}, r"loss: expected numbers >= 0, as jumps are changes .*got -1\.0 at epoch 0"),
    "no finite loss": ({"loss": LOSS * np.nan}, r"loss: expected finite numbers, all are NaN or infinite"),
    "epochs": ({"epochs": np.zeros(6)}, r"epochs: expected integers that grow from each recorded epoch to the next"),
    "states": ({"states": np.ones((4, 2))}, r"states: expected shape \(n, 3\), got \(4, 2\)"),
    "states that are none": ({"states": np.full((4, 3), np.nan)}, r"states: expected finite numbers"),
    "L": ({"L": np.ones((6, 2, 2))}, r"L: expected shape \(M - N, N\) with M = 3, got \(2, 2\)"),
}


@pytest.mark.parametrize("case", WRONG_ENTRIES)
def test_what_is_wrong_in_an_archive_is_said_in_one_line(case):
    changes, message = WRONG_ENTRIES[case]
    save(**changes)
    assert re.match(f"run\\.npz: {message}", refused(recorded()))


def test_one_epoch_is_no_training():
    np.savez("run.npz", **{key: value[:1] for key, value in stacked(points_of("plrnn")).items()}, loss=[1.0])
    assert refused(recorded(), "plrnn") == "run.npz: expected at least 2 recorded epochs, got 1"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "the file is empty"), (b"no archive", r"not an \.npz file"), (None, r"damaged|not an \.npz file")],
)
def test_damaged_archives(content, message):
    save()
    with open("run.npz", "rb") as stream:
        whole = stream.read()
    with open("run.npz", "wb") as stream:
        stream.write(whole[: len(whole) // 2] if content is None else content)
    assert re.match(rf"run\.npz: ({message})", refused(recorded()))


class Harmful:
    """Pickled, it would run a command where it is loaded."""

    def __reduce__(self):
        return os.system, ("touch harmed",)


def with_harm():
    save_folder()
    torch.save({"A": Harmful()}, "run/epoch_3.pt")


def with_a_module():
    save_folder()
    torch.save(Decoder(), "run/epoch_3.pt")


def with_text():
    save_folder()
    with open("run/epoch_3.pt", "w") as stream:
        stream.write("weights")


def with_a_list():
    save_folder()
    torch.save([torch.ones(3)], "run/epoch_3.pt")


def with_another_shape():
    save_folder()
    point = points_of("shallow_plrnn")[3] | {"h2": np.ones(4)}
    torch.save({key: torch.tensor(value) for key, value in point.items()}, "run/epoch_3.pt")


def with_a_number_twice():
    save_folder()
    os.rename("run/epoch_3.pt", "run/again_2.pt")


def without_a_number():
    save_folder()
    os.rename("run/epoch_3.pt", "run/best.pt")


def with_two_layers():
    os.mkdir("run")
    for number in range(2):
        torch.save(torch.nn.RNN(1, 3, num_layers=2, nonlinearity="relu").state_dict(), f"run/{number}.pt")


def with_losses_twice():
    save_folder()
    np.savez("run/losses.npz", loss=LOSS)


def with_pickled_losses():
    save_folder(losses=np.array([None] * EPOCHS))


def with_too_few_losses():
    save_folder(losses=LOSS[:-1])


def with_a_table_that_misses_an_epoch():
    save_folder()
    os.remove("run/losses.npy")
    with open("run/losses.csv", "w") as stream:
        stream.write("epoch,loss\n" + "\n".join(f"{epoch},1.0" for epoch in range(5)))


def with_a_table_without_names():
    save_folder()
    os.remove("run/losses.npy")
    with open("run/losses.csv", "w") as stream:
        stream.write("\n".join(f"{epoch},1.0" for epoch in range(6)))


WRONG_FOLDERS = {
    lambda: os.mkdir("run"): (r"run: expected checkpoints \(\.pt, \.pth, \.ckpt\), the folder has none", None),
    with_harm: (r"run/epoch_3\.pt: expected tensors and numbers alone.*other objects are not loaded", None),
    with_a_module: (r"run/epoch_3\.pt: expected tensors and numbers alone", None),
    with_text: (r"run/epoch_3\.pt: (not a whole torch checkpoint|expected tensors)", None),
    with_a_list: (r"run/epoch_3\.pt: expected a state dict, got list", None),
    with_another_shape: (r"run/epoch_3\.pt: h2: expected the shape of the first checkpoint, \(5,\), got \(4,\)", None),
    with_a_number_twice: (r"run/epoch_2\.pt: expected one checkpoint an epoch, again_2\.pt has number 2 too", None),
    without_a_number: (r"run/best\.pt: expected checkpoints with the number of their epoch in the name", None),
    with_two_layers: (r"run/0\.pt: weight_hh_l1: expected a torch\.nn\.RNN of one layer", "relu_rnn"),
    with_losses_twice: (r"run: expected one file of losses, found losses\.npy and losses\.npz", None),
    with_pickled_losses: (r"run/losses\.npy: not a whole \.npy file of numbers", None),
    with_too_few_losses: (r"run/losses\.npy: loss: expected 6 numbers, one at each recorded epoch.*got 5", None),
    with_a_table_that_misses_an_epoch: (r"run/losses\.csv: expected a row for every recorded.*none for epoch 5", None),
    with_a_table_without_names: (r"run/losses\.csv: expected a column loss in its header, found no header", None),
}


@pytest.mark.parametrize("make", WRONG_FOLDERS, ids=lambda make: make.__name__)
def test_what_is_wrong_in_a_folder_is_said_in_one_line(make):
    make()
    message, family = WRONG_FOLDERS[make]
    assert re.match(message, refused(recorded("run"), family or "shallow_plrnn"))
    assert not os.path.exists("harmed")


def test_what_is_not_there():
    assert refused(recorded("run{seed}.npz")) == (
        "training.path: expected an .npz file or a folder of checkpoints, run0.npz does not exist (seed 0)"
    )
    save()
    config = recorded(losses="losses.csv")
    assert re.match(r"training\.losses: expected a file, losses\.csv does not exist", refused(config))
    assert re.match(r"training\.keys\.W3: unknown; .*W1, W2", refused(recorded(keys={"W3": "w"})))
    assert re.match(r"run\.npz: missing w \(training\.keys\.W1\)", refused(recorded(keys={"W1": "w"})))


@pytest.mark.parametrize("path", ["run{run}.npz", "run{}.npz", "run{seed", "run{seed:x.npz", " "])
def test_paths_have_seeds_alone_in_braces(path):
    with pytest.raises(InputError, match=r"training\.path: expected a path in which only \{seed\} is in braces"):
        recorded(path)


def refused(config, family="shallow_plrnn"):
    with pytest.raises(InputError) as caught:
        read_run(config, family, 0)
    message = str(caught.value)
    assert "\n" not in message
    return message

"""What `lossjumps find` writes and draws."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from tests.networks_in_files import find, two_cycles_and_more

from lossjumps import find_cycles

pytestmark = pytest.mark.usefixtures("folder_with_tent")


@pytest.mark.parametrize("verify", ["float", "exact"])
def test_json_holds_every_digit(capsys: pytest.CaptureFixture, verify: str) -> None:
    network, file = two_cycles_and_more()
    text = find(capsys, file, "--max-order", "5", "--verify", verify, "--output", "new/cycles.json", "--seed", "4")
    assert text.endswith("\nwritten: new/cycles.json\n")
    content = json.loads(Path("new/cycles.json").read_text(), parse_constant=pytest.fail)
    found = find_cycles(network, 5, verify=verify, seed=4)
    assert len(content["cycles"]) == len(found) > 0
    for row, cycle in zip(content["cycles"], found, strict=True):
        assert np.array_equal(row["points"], cycle.points)
        assert np.array_equal(row["multipliers_real"], cycle.multipliers.real)
        assert np.array_equal(row["multipliers_imag"], cycle.multipliers.imag)
        assert row["itinerary"] == "".join(str(int(on)) for on in cycle.itinerary.ravel())
        assert (row["order"], row["index"], row["stable"]) == (cycle.order, cycle.index, cycle.is_stable)
        assert (row["largest_multiplier"], row["border_distance"]) == (cycle.largest_multiplier, cycle.border_distance)
        assert row["certificate"] == found.certificate[cycle.order]
    assert [(entry["order"], entry["certificate"], entry["index_sum"]) for entry in content["orders"]] == [
        (order, found.certificate[order], found.index_sum[order]) for order in range(1, 6)
    ]
    told = {key: content[key] for key in ("family", "states", "units", "method", "verify", "seed", "domain", "file")}
    assert told == {
        "family": "plrnn",
        "states": 2,
        "units": 2,
        "method": "auto",
        "verify": verify,
        "seed": 4,
        "domain": None,
        "file": "plane.json",
    }


def test_parquet_holds_the_same(capsys: pytest.CaptureFixture) -> None:
    _, file = two_cycles_and_more()
    for name in ("cycles.json", "cycles.parquet", "again.parquet"):
        find(capsys, file, "--max-order", "5", "--box=-9:9,-8:8", "--output", name)
    content = json.loads(Path("cycles.json").read_text())
    table = parquet.read_table("cycles.parquet")
    assert table.to_pylist() == content.pop("cycles")
    assert json.loads(table.schema.metadata[b"lossjumps"]) == content
    assert content["domain"] == {"lower": [-9.0, -8.0], "upper": [9.0, 8.0]}
    assert Path("cycles.parquet").read_bytes() == Path("again.parquet").read_bytes()


def test_every_entry_of_the_file_is_on_the_page(capsys: pytest.CaptureFixture) -> None:
    find(capsys, "tent.json", "--output", "cycles.json")
    content = json.loads(Path("cycles.json").read_text())
    page = (Path(__file__).parents[1] / "docs" / "find.md").read_text()
    rows = [row.split(", ") for row in re.findall(r"^\| ([a-z0-9_, ]+) \|", page, re.MULTILINE)]
    named = [name for row in rows for name in row if row not in (["suffix"], ["column"], ["entry"])]
    assert named == [*content["cycles"][0], *content]


@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_a_file_is_written_anew_also_where_nothing_is_found(capsys: pytest.CaptureFixture, suffix: str) -> None:
    Path("none.json").write_text(json.dumps({"A": [1.0], "W": [[1.0]], "h": [1.0]}))
    output = Path(f"cycles.{suffix}")
    output.write_text("old " * 9999)
    find(capsys, "none.json", "--output", str(output))
    if suffix == "json":
        assert json.loads(output.read_text())["cycles"] == []
    else:
        assert parquet.read_table(output).num_rows == 0
    assert sorted(path.name for path in Path().iterdir()) == sorted(["none.json", "tent.json", output.name])


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_pictures_of_every_kind_are_the_same_bytes_again(capsys: pytest.CaptureFixture, suffix: str) -> None:
    for name in ("a", "b"):
        assert f"\nwritten: {name}.{suffix}\n" in find(capsys, "tent.json", "--plot", f"{name}.{suffix}")
    beginnings = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    content = Path(f"a.{suffix}").read_bytes()
    assert content.startswith(beginnings[suffix]) and content == Path(f"b.{suffix}").read_bytes()

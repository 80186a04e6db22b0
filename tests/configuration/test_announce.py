"""What the Snakefile says before anything starts."""

import pytest

from lossjumps.configuration.announce import plan_or_exit

from .conftest import CONF


def test_the_plan_is_announced_on_standard_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    plan = plan_or_exit({"experiment": "smoke"}, CONF, announce=True)
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("Experiment smoke") and len(plan.rows) == 8
    plan_or_exit({"experiment": "smoke"}, CONF, announce=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("config", "deployment", "message"),
    [({"experiment": "smok"}, (), "experiment: unknown experiment 'smok'"), ({}, {"conda"}, "--sdm: leave it out")],
)
def test_bad_input_ends_it_with_one_line_and_status_2(capsys, config, deployment, message):
    with pytest.raises(SystemExit) as ended:
        plan_or_exit(config, CONF, announce=True, deployment=deployment)
    said = capsys.readouterr()
    assert ended.value.code == 2 and said.out == ""
    assert said.err.startswith(f"lossjumps: {message}") and said.err.count("\n") == 1

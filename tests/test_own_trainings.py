"""The worked example of docs/own_trainings.md, as it stands on the page: its program, then its command."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "own_trainings.md").read_text()
EPOCHS = 40


@pytest.mark.slow
def test_the_worked_example_goes_through_to_the_summary_and_mlflow(tmp_path):
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert sum("# record" in line for line in program.splitlines()) == 5
    (tmp_path / "circle.py").write_text(program)
    for name in ("Snakefile", "environment.yml", "workflows", "profiles", "conf"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    environment.pop("MLFLOW_TRACKING_URI", None)

    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for command in re.findall(r"^ {4}python (circle\.py \d) \d+$", PAGE, flags=re.MULTILINE):
        run(sys.executable, *command.split(), str(EPOCHS))
    command = re.search(r"^ {4}snakemake (--config experiment=recorded .*)$", PAGE, flags=re.MULTILINE)[1]
    said = run(sys.executable, "-m", "snakemake", "--cores", "1", *shlex.split(command))
    summary = (tmp_path / "results" / "recorded" / "summary.md").read_text()
    assert summary in said
    assert "2 trainings in 1 condition" in summary and f"{2 * EPOCHS} epochs in all" in summary
    [batch] = (tmp_path / "results" / "recorded" / "batches").iterdir()
    history = pd.read_parquet(batch / "history.parquet")
    loss = history.groupby("run")["loss_recorded"]
    assert (loss.last() < 0.5 * loss.first()).all()  # it learns
    attractors = pd.read_parquet(batch / "attractors.parquet")
    assert attractors.groupby(["run", "epoch"]).size().eq(8).all()
    client = MlflowClient(f"sqlite:///{tmp_path / 'results' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("recorded")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(one.data.tags["run_key"].rpartition("-")[2] for one in runs) == ["s0", "s1", "summary"]
    for one in runs:
        if one.data.tags["run_key"] != "summary":
            assert one.data.metrics["loss/recorded_final"] == loss.last()[one.data.tags["run_key"]]

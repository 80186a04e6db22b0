"""What snakemake shows of a workflow, told to its logger event by event."""

import io
import logging
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from snakemake_logger_plugin_lossjumps import LogHandler
from snakemake_logger_plugin_lossjumps.account import Account, tail, what_is_wrong
from snakemake_logger_plugin_lossjumps.screen import Screen

BATCH = "lorenz63-shallow_plrnn-gtf-s0-7-1a2b3c4d"


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Workflow:
    """An account that is told what snakemake would tell its logger, by a clock that is set."""

    def __init__(self, folder, terminal=False, dry_run=False):
        self.folder = folder
        self.stream = Terminal() if terminal else io.StringIO()
        self.seconds = 1000.0
        self.account = Account(Screen(self.stream, color=False), dry_run, lambda: self.seconds)

    def tell(self, event, text="", level=logging.INFO, **said):
        record = logging.makeLogRecord({"msg": text, "levelno": level, "event": event, **said})
        self.account.take(record, text)

    def begin(self, **counts):
        self.tell(LogEvent.RESOURCES_INFO, "Provided cores: 2", cores=2)
        self.tell(LogEvent.RESOURCES_INFO, "Rules claiming more threads will be scaled down.")
        stats = {**counts, "total": sum(counts.values())}
        self.tell(LogEvent.RUN_INFO, "Job stats:\njob  count\n", stats=stats)

    def start(self, identity, rule, **wildcards):
        log = self.folder / f"{rule}.log"
        self.tell(
            LogEvent.JOB_INFO,
            jobid=identity,
            rule_name=rule,
            rule_msg=f"Do {rule}",
            wildcards=wildcards,
            log=[str(log)],
            shellcmd=f"\nlossjumps {rule} results/x > {log} 2>&1\n",
        )
        return log

    def finish(self, identity, done, total):
        self.tell(LogEvent.JOB_FINISHED, f"Finished jobid: {identity}", job_id=identity)
        self.tell(LogEvent.PROGRESS, done=done, total=total)

    def fail(self, identity, rule, log, **others):
        self.tell(LogEvent.ERROR, "RuleException:\nCalledProcessError in file x, line 1:\n...", logging.ERROR)
        said = {"rule_msg": None, "aux": {}, "shellcmd": f"lossjumps {rule} results/x > {log} 2>&1", **others}
        self.tell(LogEvent.JOB_ERROR, level=logging.ERROR, jobid=identity, rule_name=rule, log=[str(log)], **said)

    def shown(self):
        self.account.end()
        return self.stream.getvalue()


@pytest.fixture
def workflow(tmp_path):
    return Workflow(tmp_path)


@pytest.fixture(autouse=True)
def terminal_of_100_columns(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")


def test_snakemake_finds_the_plugin_by_its_name():
    assert LoggerPluginRegistry().get_plugin("lossjumps").log_handler is LogHandler


def test_a_line_a_step_with_its_share_and_time(workflow):
    for noise in (
        "Assuming unrestricted shared filesystem usage.",
        "Building DAG of jobs...",
        "Using shell: /bin/bash",
    ):
        workflow.tell(None, noise)
    workflow.begin(settings=1, train=1, all=1)
    workflow.tell(None, "Select jobs to execute...")
    workflow.tell(LogEvent.JOB_STARTED, "Execute 2 jobs...", jobs=[1, 2])
    workflow.start(1, "settings", group="events")
    workflow.finish(1, 1, 3)
    workflow.start(2, "train", batch=BATCH)
    workflow.seconds += 42
    workflow.finish(2, 2, 3)
    workflow.start(3, "all")
    workflow.finish(3, 3, 3)
    workflow.tell(None, "Complete log(s): x")
    assert workflow.shown().splitlines() == [
        "3 steps on 2 cores: 1 train",
        "",
        f" 66 %  train         {BATCH:<48} 0:42",
        "",
        "3 of 3 steps done in 0:42",
    ]


def test_nothing_to_do_says_so(workflow):
    workflow.begin(all=1)
    workflow.start(1, "all")
    workflow.finish(1, 1, 1)
    assert workflow.shown() == "Every result is there and up to date.\n\n1 of 1 steps done in 0:00\n"


def test_a_log_is_told_once_a_minute_what_is_running(workflow):
    workflow.begin(train=1, dynamics=1)
    workflow.start(1, "train", batch=BATCH).write_text("train: 30 %, epoch 3 of 10, 0:12\n")
    workflow.start(2, "dynamics", batch=BATCH)
    for _ in range(125):
        workflow.seconds += 1
        workflow.account.tick()
    assert [line for line in workflow.stream.getvalue().splitlines() if "now" in line] == [
        "  0 %  0 of 2 steps, 1:00; now train 30 %, dynamics",
        "  0 %  0 of 2 steps, 2:00; now train 30 %, dynamics",
    ]
    assert "\r" not in workflow.shown()


def test_a_terminal_shows_what_is_running_until_the_summary_is_printed(tmp_path):
    workflow = Workflow(tmp_path, terminal=True)
    workflow.begin(train=1, all=1)
    workflow.start(1, "train", batch=BATCH)
    workflow.seconds += 1
    workflow.account.tick()
    assert workflow.stream.getvalue().endswith("  0 %  0 of 2 steps, 0:01; now train")
    workflow.finish(1, 1, 2)
    workflow.start(2, "all")
    assert workflow.stream.getvalue().endswith("\r\x1b[K\n")  # nothing is left where the summary begins
    shown = workflow.stream.getvalue()
    workflow.seconds += 1
    workflow.account.tick()
    assert workflow.stream.getvalue() == shown


def test_a_failed_step_says_what_is_wrong_where_its_log_is_and_how_to_repeat_it(workflow):
    workflow.begin(train=2, dynamics=2, all=1)
    log = workflow.start(1, "train", batch=BATCH)
    log.write_text("train: 0 %, epoch 0 of 10\nTraceback\nlossjumps: train results/x: unexpected KeyError\n")
    workflow.start(2, "train", batch="other")
    workflow.fail(1, "train", log)
    workflow.finish(2, 1, 5)
    workflow.tell(None, "Exiting because a job execution failed. Look above for error messages", logging.ERROR)
    workflow.tell(LogEvent.ERROR, "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR)
    assert workflow.shown().splitlines() == [
        "5 steps on 2 cores: 2 train, 2 dynamics",
        "",
        f"FAILED  train {BATCH}",
        "  lossjumps: train results/x: unexpected KeyError",
        f"  log     {log}",
        "  repeat  lossjumps train results/x",
        "",
        f" 20 %  train         {'other':<48} 0:00",
        "",
        "1 of 5 steps failed, 1 done, 3 not begun, in 0:00:",
        f"  train {BATCH}",
        "What does not need the failed steps is done, and stays.",
        "See to what is said above, then run the same command again to go on.",
    ]


def test_what_has_to_be_made_again_before_is_said_in_lines_of_its_own(workflow):
    workflow.begin(dynamics=3, all=1)
    maker = "lossjumps train results/x/batches/one"
    for identity, said in enumerate((f"not a whole .npz file (a); make it again with `{maker}`", "b; say which")):
        log = workflow.start(identity, "dynamics", batch=str(identity))
        log.write_text(f"lossjumps: parameters.npz: {said}\n")
        workflow.fail(identity, "dynamics", log)
    workflow.fail(2, "dynamics", workflow.start(2, "dynamics", batch="2"))
    lines = workflow.shown().splitlines()
    begun = lines.index("FAILED  dynamics 0")
    assert lines[begun + 3 : begun + 5] == [f"  first   {maker}", "  repeat  lossjumps dynamics results/x"]
    assert lines[lines.index("FAILED  dynamics 1") + 3] == "  repeat  lossjumps dynamics results/x"
    assert lines[-3:] == [
        "Make again first what these steps could not read:",
        f"  {maker}",
        "Then run the same command again to go on.",
    ]


def test_a_step_that_succeeds_when_it_is_tried_again_has_not_failed(workflow):
    workflow.begin(train=1)
    log = workflow.start(1, "train", batch=BATCH)
    workflow.fail(1, "train", log, rule_msg="SLURM status is TIMEOUT", aux={"slurm_jobid": 7})
    workflow.start(1, "train", batch=BATCH)
    workflow.finish(1, 1, 1)
    shown = workflow.shown()
    assert "  SLURM status is TIMEOUT\n  its log is empty\n" in shown and "  slurm_jobid  7\n" in shown
    assert "1 of 1 steps done in 0:00\n" in shown and "steps failed" not in shown


@pytest.mark.parametrize(
    "said", ["lossjumps: train results/x: stopped by Ctrl-C; nothing is half-written", "train: 10 %, epoch 1 of 10"]
)
def test_ctrl_c_says_what_is_done_and_what_to_do(workflow, said):
    workflow.begin(train=2)
    workflow.start(1, "train", batch=BATCH)
    workflow.finish(1, 1, 2)
    log = workflow.start(2, "train", batch="other")
    log.write_text(f"{said}\n")
    for _ in range(2):
        workflow.tell(None, "Terminating processes on user request, this might take some time.")
    workflow.fail(2, "train", log)
    lines = workflow.shown().splitlines()
    assert "FAILED" not in "\n".join(lines) and lines.count("Stopping ...") == 1
    assert lines[-2:] == [
        "Stopped after 0:00: 1 of 2 steps are done, and stay.",
        "Run the same command again to go on.",
    ]


def test_a_lock_names_its_remedy(workflow):
    said = "LockException:\nError: Directory cannot be locked. Please make sure that ... --unlock argument."
    workflow.tell(LogEvent.ERROR, said, logging.ERROR)
    assert workflow.shown().splitlines() == [
        "Another snakemake runs in this folder, or one that was killed left its lock.  If none runs:",
        "  snakemake --unlock",
        "and then the same command again; what is finished stays.",
    ]


def test_a_dry_run_lists_the_steps_and_why_they_would_run(tmp_path):
    workflow = Workflow(tmp_path, dry_run=True)
    for _ in range(2):
        workflow.begin(train=1, jumps=1)
    workflow.start(1, "train", batch=BATCH)
    workflow.start(2, "jumps", batch=BATCH)
    workflow.tell(
        None,
        "Reasons:\n    (check individual jobs above for details)"
        "\n    input files updated by another job:\n        jumps"
        "\n    output files have to be generated:\n        train",
    )
    assert workflow.shown().splitlines() == [
        *("Job stats:", "job  count", "", "Do train", "Do jumps"),
        "Why: output files have to be generated: train",
    ]


def test_other_messages_are_passed_on(workflow):
    workflow.tell(None, "Unlocked working directory.")
    workflow.tell(LogEvent.ERROR, "WorkflowError:\nCannot do this.", logging.ERROR)
    assert workflow.shown() == "Unlocked working directory.\nCannot do this.\n"


def test_the_last_lines_of_a_log_stand_for_what_it_does_not_say(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"\xff\n" + b"\n".join(b"line %d\n" % number for number in range(20000)))
    assert tail(str(log))[-1] == "line 19999" and len(tail(str(log))) < 20000
    assert what_is_wrong([str(log)]) == [f"line {number}" for number in range(19990, 20000)]
    assert what_is_wrong([str(tmp_path / "missing")]) == ["its log is empty"]


def test_a_full_disk_is_told_where_the_log_could_not(tmp_path, monkeypatch):
    (tmp_path / "train.log").write_text("lossjumps: half a li")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=0))
    [said] = what_is_wrong([str(tmp_path / "train.log")])
    assert said == f"{tmp_path}: no space left on the device, not even for the log"


@pytest.mark.parametrize("quiet", [(), ("all",), ("rules", "progress")])
def test_failures_are_shown_whatever_snakemake_is_to_be_quiet_about(capsys, tmp_path, quiet):
    from snakemake.settings.enums import Quietness

    asked = {"debug_dag": False, "verbose": False, "dryrun": False, "printshellcmds": False, "stdout": False}
    settings = SimpleNamespace(**asked, nocolor=True, show_failed_logs=False, quiet=Quietness.parse_choices_set(quiet))
    handler = LogHandler(settings, None)
    handler.setFormatter(logging.Formatter())
    said = {"jobid": 1, "rule_name": "train", "log": [], "shellcmd": "", "rule_msg": None, "aux": {}}
    handler.handle(logging.makeLogRecord({"event": LogEvent.JOB_ERROR, **said}))
    handler.handle(
        logging.makeLogRecord({"event": LogEvent.RUN_INFO, "msg": "stats", "stats": {"train": 1, "total": 1}})
    )
    handler.close()
    shown = capsys.readouterr()
    assert shown.out == "" and "FAILED  train\n  its log is empty\n" in shown.err
    assert ("1 step: 1 train" in shown.err) == (not quiet)

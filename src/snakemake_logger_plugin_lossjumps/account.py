"""The account of a workflow that is given while it runs."""

import re
import shutil
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from logging import WARNING, LogRecord
from pathlib import Path
from typing import Any

from lossjumps.progress import duration
from snakemake_logger_plugin_lossjumps.screen import BOLD, RED, Screen

WIDTH = 80
SILENT_SECONDS = 60.0
"""After that long without a line, a log is told what is running."""
TOLD_LINES = 10
"""Lines of a failed step's log that are shown if none of them is the one line that says what is wrong."""
PREFIX = "lossjumps: "
"""What the line begins with that says what is wrong."""
NO_ROOM = 1 << 14
"""Free bytes below which a log cannot say what is wrong."""
TAIL = 1 << 16
"""Bytes of a log that are read from its end."""

UNTOLD_RULES = ("settings", "data_config", "batch_config", "store")
"""They write what the plan says, in no time."""
LAST_RULE = "all"
"""It prints the summary."""

UNTOLD = (
    "Assuming unrestricted shared filesystem usage",
    "At least one job did not complete successfully",
    "Building DAG of jobs",
    "CalledProcessError in file",
    "Complete log(s)",
    "Conda environments: ignored",
    "Elapsed time",
    "Execute ",
    "Exiting because a job execution failed",
    "Provided cores",
    "Provided resources",
    "Removing output files of failed job",
    "Rules claiming more threads",
    "Select jobs to execute",
    "Some jobs were triggered by provenance information",
    "Rules with provenance triggered jobs",
    "Using shell",
)
"""Beginnings of what snakemake says and nobody needs, or is said here in other words."""

MAKE_ANEW = re.compile(r"make it (?:again|first) with `(lossjumps [^`]+)`")
"""In what is wrong: the command that makes a file of an earlier step, without which to repeat this one is in vain."""

IMPLIED = ("input files updated by another job", "run or shell but no output")
"""Reasons to run a step that say nothing new."""
STOPPED = ": stopped by "
"""In the log of a step that was asked to end."""
LOCKED = (
    "Another snakemake runs in this folder, or one that was killed left its lock.  If none runs:\n"
    "  snakemake --unlock\n"
    "and then the same command again; what is finished stays."
)
INTERRUPTED = ("Terminating processes on user request", "Will exit after finishing currently running jobs")


@dataclass
class Step:
    """A job of the workflow."""

    rule: str
    about: str
    """The batch or the data set."""
    logs: list[str]
    command: str
    started: float
    first: str = ""
    """If it failed for want of a whole file: the command that makes that."""

    @property
    def name(self) -> str:
        """Such as ``train lorenz63-...``."""
        return f"{self.rule} {self.about}".rstrip()

    @property
    def by_hand(self) -> str:
        """The command that repeats it, without what sends its output to the log; empty if there is none."""
        return self.command.partition(" > ")[0].strip() if self.command.startswith("lossjumps ") else ""

    def percent(self) -> str:
        """How far it says it is, at the end of its log; empty if it does not."""
        found = [re.match(r"[\w ]+: (\d+ %), ", line) for path in self.logs for line in tail(path)[-1:]]
        return next((match[1] for match in found if match), "")


@dataclass
class Account:
    """Takes the events of a workflow and says what they mean for its user.

    Parameters
    ----------
    screen : Screen
    dry_run : bool
        Whether nothing is run: then the steps are listed.
    clock : callable
        The time in seconds.
    """

    screen: Screen
    dry_run: bool
    clock: Callable[[], float]
    steps: dict[int, Step] = field(default_factory=dict)
    running: dict[int, Step] = field(default_factory=dict)
    finished: list[Step] = field(default_factory=list)
    failed: dict[int, Step] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    cores: int | None = None
    started: float | None = None
    interrupted: bool = False
    written: float = 0.0
    summary_printed: bool = False
    after_gap: bool = False

    def take(self, record: LogRecord, formatted: str) -> None:
        """Take an event, which snakemake itself would put as `formatted`."""
        event = getattr(record, "event", None)
        told = {
            "run_info": self._begin,
            "resources_info": self._resources,
            "job_info": self._job,
            "job_started": lambda said: None,
            "job_finished": self._job_finished,
            "progress": self._progress,
            "job_error": self._job_error,
        }.get(event)
        if told:
            told(vars(record))
        else:
            self._other(formatted, record)
        self.tick()

    def tick(self) -> None:
        """Draw what is running; in a log, write it if nothing was written for a minute."""
        if self.started is None or self.summary_printed or self.dry_run:
            return
        status = self._status()
        self.screen.status(status)
        if not self.screen.on_terminal and self.running and self.clock() - self.written >= SILENT_SECONDS:
            self._line(status)

    def end(self) -> None:
        """Say how it ended."""
        self.screen.status("")
        if self.started is None or self.dry_run:
            return
        took = duration(self.clock() - self.started)
        if self.failed and not self.interrupted:
            self._line()
            self._line(self._outcome(took), RED)
            for step in self.failed.values():
                self._line(f"  {step.name}")
            self._line("What does not need the failed steps is done, and stays.")
            first = dict.fromkeys(step.first for step in self.failed.values() if step.first)
            if first:
                self._line("Make again first what these steps could not read:")
            for command in first:
                self._line(f"  {command}")
            self._line(f"{'Then' if first else 'See to what is said above, then'} run the same command again to go on.")
        elif self.interrupted or self.done < self.total:
            self._line(f"Stopped after {took}: {self._of_steps(self.done)} are done, and stay.")
            self._line("Run the same command again to go on.")
        else:
            self._line(f"{self._of_steps(self.done)} done in {took}")

    def _begin(self, said: dict[str, Any]) -> None:
        if self.started is not None:
            return  # a dry run says it twice
        self.started = self.written = self.clock()
        counts = dict(said["stats"])
        self.total = counts.pop("total")
        if self.dry_run:
            self._line(said["msg"].strip())
            self._line()
            return
        where = f" on {self.cores} core{'s' * (self.cores != 1)}" if self.cores else ""
        listed = ", ".join(
            f"{count} {rule}" for rule, count in counts.items() if rule not in (*UNTOLD_RULES, LAST_RULE)
        )
        steps = f"{self.total} step{'s' * (self.total != 1)}"
        said = f"{steps}{where}: {listed}" if listed else "Every result is there and up to date."
        for line in textwrap.wrap(said, WIDTH, subsequent_indent="  "):
            self._line(line)
        self._line()

    def _resources(self, said: dict[str, Any]) -> None:
        self.cores = said.get("cores", self.cores)

    def _job(self, said: dict[str, Any]) -> None:
        wildcards = said["wildcards"] or {}
        about = " ".join(str(value) for value in wildcards.values())
        step = Step(said["rule_name"], about, list(said["log"]), (said["shellcmd"] or "").strip(), self.clock())
        self.steps[said["jobid"]] = step
        if self.dry_run:
            self._line(said["rule_msg"] or step.name)
            return
        self.running[said["jobid"]] = step
        if step.rule == LAST_RULE:
            self.summary_printed = True
            self.screen.status("")
            self._line()

    def _job_finished(self, said: dict[str, Any]) -> None:
        self.failed.pop(said["job_id"], None)  # it was tried again
        step = self.running.pop(said["job_id"], None)
        if step is not None:
            self.finished.append(step)

    def _progress(self, said: dict[str, Any]) -> None:
        self.done, self.total = said["done"], said["total"]
        for step in self.finished:
            if step.rule not in (*UNTOLD_RULES, LAST_RULE):
                share = f"{100 * self.done // max(self.total, 1):>3} %"
                self._line(
                    f"{share}  {step.rule:<13} {step.about:<48} {duration(self.clock() - step.started)}".rstrip()
                )
        self.finished.clear()

    def _job_error(self, said: dict[str, Any]) -> None:
        known = self.running.pop(said["jobid"], None) or self.steps.get(said["jobid"])
        step = known or Step(said["rule_name"], "", [], (said["shellcmd"] or "").strip(), self.clock())
        logs = list(said["log"]) or step.logs
        wrong = what_is_wrong(logs)
        if self.interrupted and (STOPPED in wrong[-1] or not wrong[-1].startswith(PREFIX)):
            return  # that is what was asked for; one that did not end soon is killed and says nothing
        self.failed[said["jobid"]] = step
        self._line()
        self._line(f"FAILED  {step.name}", RED)
        if said["rule_msg"]:
            self._line(f"  {said['rule_msg']}")
        for line in wrong:
            self._line(f"  {line}", BOLD)
        for path in logs:
            self._line(f"  log     {path}")
        step.first = next((found[1] for line in wrong if (found := MAKE_ANEW.search(line))), "")
        if step.first:
            self._line(f"  first   {step.first}")
        if step.by_hand:
            self._line(f"  repeat  {step.by_hand}")
        for name, value in (said["aux"] or {}).items():
            self._line(f"  {name}  {value}")
        self._line()

    def _other(self, text: str, record: LogRecord) -> None:
        text = text.removeprefix("RuleException:\n").removeprefix("WorkflowError:\n").rstrip()
        if text.startswith(INTERRUPTED):
            if not self.interrupted:  # snakemake says it again and again
                self._line("Stopping ...")
            self.interrupted = True
            return
        if text.startswith("Reasons:"):
            text = _reasons(text)
        if not text or text.startswith(UNTOLD):
            return
        self._line(LOCKED if "cannot be locked" in text else text, RED if record.levelno >= WARNING else "")

    def _status(self) -> str:
        share = 100 * self.done // max(self.total, 1)
        took = duration(self.clock() - (self.started or 0.0))
        listed = ", ".join(
            f"{step.rule} {step.percent()}".rstrip() for step in self.running.values() if step.rule not in UNTOLD_RULES
        )
        return f"{share:>3} %  {self._of_steps(self.done)}, {took}" + (f"; now {listed}" if listed else "")

    def _outcome(self, took: str) -> str:
        left = self.total - self.done - len(self.failed)
        begun = f", {left} not begun" if left > 0 else ""
        return f"{self._of_steps(len(self.failed))} failed, {self.done} done{begun}, in {took}:"

    def _of_steps(self, number: int) -> str:
        return f"{number} of {self.total} steps"

    def _line(self, text: str = "", style: str = "") -> None:
        if text or not self.after_gap:
            self.screen.line(text, style)
        self.after_gap = not text
        self.written = self.clock()


def _reasons(text: str) -> str:
    """Of the reasons that a dry run ends with, those that do not follow from others; empty if there are none."""
    lines = [line.strip() for line in text.splitlines()[2:]]
    told = [(why, rules) for why, rules in zip(lines[::2], lines[1::2], strict=False) if not why.startswith(IMPLIED)]
    return "\n".join(textwrap.fill(f"Why: {why} {rules}", WIDTH, subsequent_indent="     ") for why, rules in told)


def tail(path: str) -> list[str]:
    """The last lines of a log, without empty ones; none if it cannot be read."""
    try:
        with Path(path).open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - TAIL))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()]


def what_is_wrong(logs: list[str]) -> list[str]:
    """What the logs of a failed step say is wrong: the one line that says it, or their last ones."""
    for path in logs:
        folder = Path(path).parent
        if folder.is_dir() and shutil.disk_usage(folder).free < NO_ROOM:
            return [f"{folder}: no space left on the device, not even for the log"]
    lines = [line for path in logs for line in tail(path)]
    said = [line for line in lines if line.startswith(PREFIX)]
    if said:
        return said[-1:]
    return lines[-TOLD_LINES:] or ["its log is empty"]

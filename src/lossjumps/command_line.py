"""The command line `lossjumps`: a subcommand a stage, and what one needs beside them."""

import argparse
import contextlib
import importlib.metadata
import math
import os
import shlex
import signal
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from lossjumps import ui_command
from lossjumps.errors import InputError, one_of
from lossjumps.failures import DONE, FAILED, Signalled, explain
from lossjumps.progress import ProgressDisplay, duration, silent
from lossjumps.stages.listing import BATCH, CHECKPOINT_SECONDS, EXPERIMENT, STAGES, Stage, check_inputs

CONF = Path("conf")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WIDTH = 98

EPILOG = """\
examples:
  lossjumps plan results/default
  lossjumps dataset results/default/data/lorenz63-1a2b3c4d
  lossjumps train results/default/batches/lorenz63-shallow_plrnn-gtf-s0-7-1a2b3c4d
  lossjumps train training=gtf training.epochs=100      makes the folder first, in results/single
  lossjumps dynamics results/default/batches/lorenz63-shallow_plrnn-gtf-s0-7-1a2b3c4d
  lossjumps jumps results/default/batches/lorenz63-shallow_plrnn-gtf-s0-7-1a2b3c4d
  lossjumps causes results/default/batches/lorenz63-shallow_plrnn-gtf-s0-7-1a2b3c4d
  lossjumps coincidences results/default/batches/lorenz63-shallow_plrnn-gtf-s0-7-1a2b3c4d
  lossjumps statistics results/default
  lossjumps report results/default
  lossjumps track results/default
  lossjumps replay results/default/batches/BATCH --run RUN --first 100 --last 120
  lossjumps find weights.npz --max-order 8              every fixed point and cycle of a network
  lossjumps prune results/default                       what no plan names; --yes removes it
  lossjumps ui results                                  MLflow at http://127.0.0.1:5000

`snakemake` runs all stages of an experiment in their order; `lossjumps COMMAND --help` says more.
exit status: 0 done, 2 bad input (one line says what), 130 Ctrl-C, 1 anything else
"""

PRUNE_DESCRIPTION = """\
List what plan.parquet of an experiment does not name any more, as after fewer seeds or another
setting: folders of batches, data files, logs and runs in MLflow, with their size. A batch is kept
as long as one of its seeds is planned; runs of its other seeds leave MLflow.
"""

PRUNE_EXAMPLES = """\
examples:
  lossjumps prune results/default
  lossjumps prune results/default --yes
"""

REPLAY_DESCRIPTION = """\
Train a run of a batch again, bit for bit, and record every update from one epoch to another.

Bifurcations are located on the straight line between the parameters of two epochs, but the
training went there in several updates. This finds them on the lines between updates as well, and
says at which epochs the two ways differ in the bifurcations that count.
"""

REPLAY_EXAMPLES = """\
examples:
  lossjumps replay results/default/batches/BATCH --run RUN --first 100 --last 120
  lossjumps replay results/default/batches/BATCH --run RUN --first 0 --last 9 --output updates.npz
"""

EXAMPLE_OVERRIDES = "training=gtf training.epochs=20 seed=0"


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all bad input is, and whose help fits a terminal of 100 columns."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", _formatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        if message.endswith("expected one argument"):
            message += " (write it with = where it begins with -, as --box=-1:1)"
        raise InputError(f"{message}; see `{self.prog} --help`")


class _Version(argparse.Action):
    """Print the version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"lossjumps {importlib.metadata.version('lossjumps')}")
        parser.exit()


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=24, width=WIDTH)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; by default those of this process.

    Returns
    -------
    int
        Exit status: 0 done, 2 bad input, 128 + its number where a signal ended it (Ctrl-C: 130), 1 anything else.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    work = _Work(" ".join(given[:2]))
    try:
        with _signals():
            _run(given, work)
            sys.stdout.flush()
    except BrokenPipeError:  # such as `lossjumps find ... | head`: who reads has read enough
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (Exception, KeyboardInterrupt, Signalled) as error:
        said, status = explain(error, work.doing, work.place)
        before, newline, last = said.rpartition("\n")
        print(f"{before}{newline}lossjumps: {last}", file=sys.stderr, flush=True)
        return status
    return DONE


class _Work:
    """What a command is doing, for the line that says what ended it."""

    def __init__(self, doing: str) -> None:
        self.doing = doing
        self.display: ProgressDisplay | None = None

    @property
    def place(self) -> str:
        """How far it is; empty if that is not known."""
        return self.display.place if self.display else ""


@contextlib.contextmanager
def _signals():
    """Let what asks the program to end be an exception, so that nothing stays half-written."""

    def end(number: int, frame: object) -> NoReturn:
        raise Signalled(number)

    chosen = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]  # nohup ignores one
    asked = {number: signal.signal(number, end) for number in chosen}
    try:
        yield
    finally:
        for number, before in asked.items():
            signal.signal(number, before)


def _run(given: Sequence[str], work: _Work) -> None:
    parser, names = _parser(given[:1])
    if not given:
        parser.print_help()
        return
    if not given[0].startswith("-") and given[0] not in names:
        raise InputError(f"{given[0]}: unknown command; {one_of(given[0], names)}")
    parsed = parser.parse_args(given)
    parsed.run(parsed, work)


def _parser(command: Sequence[str]) -> tuple[_Parser, list[str]]:
    """The parser and the names of the commands."""
    parser = _Parser(
        prog="lossjumps",
        description="Loss jumps and bifurcations in the training of ReLU networks.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for stage in STAGES.values():
        _add_stage(commands, stage)
    find = commands.add_parser("find", help="list the fixed points and cycles of a network from a file")
    if list(command) == ["find"]:  # the search is compiled code, a second that the stages can do without
        from lossjumps import find_command

        find_command.add_arguments(find)
        find.set_defaults(run=_find)
    prune = commands.add_parser(
        "prune",
        help="list, or remove, what no plan names any more, in files and in MLflow",
        description=PRUNE_DESCRIPTION,
        epilog=PRUNE_EXAMPLES,
    )
    prune.add_argument("folder", type=Path, metavar="FOLDER", help=EXPERIMENT)
    prune.add_argument("--yes", action="store_true", help="remove what is listed without it")
    prune.set_defaults(run=_prune)
    replay = commands.add_parser(
        "replay",
        help="repeat a training, and compare its updates with the straight lines between epochs",
        description=REPLAY_DESCRIPTION,
        epilog=REPLAY_EXAMPLES,
    )
    replay.add_argument("folder", type=Path, metavar="FOLDER", help=BATCH)
    replay.add_argument("--run", required=True, metavar="RUN", help="key of the run, as in the tables", dest="run_key")
    replay.add_argument("--first", type=int, required=True, metavar="E", help="epoch at which the window begins")
    replay.add_argument("--last", type=int, required=True, metavar="E", help="epoch at which it ends")
    replay.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="new .npz file for the parameters and loss_free at every update, as training=recorded reads it",
    )
    replay.set_defaults(run=_replay)
    ui = commands.add_parser("ui", help="look at the results in MLflow")
    ui_command.add_arguments(ui)
    ui.set_defaults(run=lambda parsed, work: ui_command.run(parsed))
    return parser, list(commands.choices)


def _add_stage(commands: argparse._SubParsersAction, stage: Stage) -> None:
    parser = commands.add_parser(
        stage.name,
        help=stage.help,
        description=f"{stage.help[0].upper()}{stage.help[1:]}.\n\n{_files(stage)}",
        epilog=_examples(stage),
    )
    folders = ", ".join(stage.folders)
    parser.add_argument("target", nargs="+", metavar="FOLDER | KEY=VALUE", help=f"{folders}, or overrides")
    parser.add_argument(
        "--conf", type=Path, metavar="DIR", help=f"configuration folder, for overrides and `plan` (default: {CONF})"
    )
    if stage.shared:
        parser.add_argument(
            "--processes",
            type=int,
            default=1,
            metavar="N",
            help="processes that share the work (default: %(default)s); they do not change the result",
        )
    if stage.kept:
        parser.add_argument(
            "--checkpoint-seconds",
            type=float,
            default=CHECKPOINT_SECONDS,
            metavar="S",
            help="between two checkpoints, from the last of which it goes on if it is stopped (default: %(default)g)",
        )
    chosen = [*(["processes"] if stage.shared else []), *(["checkpoint_seconds"] if stage.kept else [])]
    parser.set_defaults(
        run=lambda parsed, work: _run_stage(
            stage, parsed.target, parsed.conf, work, **{name: getattr(parsed, name) for name in chosen}
        )
    )


def _files(stage: Stage) -> str:
    """What a stage reads and writes, for its help."""
    needs = ", ".join(stage.needs)
    told = {
        "reads": ", ".join([*stage.reads, *([needs] if needs and stage.folder == BATCH else [])]),
        "": f"of each batch {needs}" if needs and stage.folder == EXPERIMENT else "",
        "writes": ", ".join(stage.makes),
    }
    return "\n".join(
        textwrap.fill(text, WIDTH, initial_indent=f"{heading:<8}", subsequent_indent=" " * 8)
        for heading, text in told.items()
        if text
    )


def _examples(stage: Stage) -> str:
    """Examples for the help of a stage; the last can be pasted into a shell where `conf` is."""
    of_experiment = stage.folder == EXPERIMENT
    until = list(STAGES.values())[: list(STAGES).index(stage.name) + 1]
    names = [earlier.name for earlier in until if of_experiment or earlier.folder != EXPERIMENT]
    by_hand = "".join(f"  lossjumps {stage.name} {folder}\n" for folder in stage.folders)
    return (
        f"examples:\n{by_hand}"
        f"  for stage in {' '.join(names)}; do\n"
        f"    lossjumps $stage {EXAMPLE_OVERRIDES} || break\n  done\n\n"
        "With overrides the folder is made first, in results/single."
    )


def _run_stage(stage: Stage, target: Sequence[str], conf: Path | None, work: _Work, **options: float) -> None:
    if options.get("processes", 1) < 1:
        raise InputError(f"--processes: expected an integer >= 1, got {options['processes']}")
    if not 0 <= options.get("checkpoint_seconds", 0.0) < math.inf:
        raise InputError(f"--checkpoint-seconds: expected a number >= 0, got {options['checkpoint_seconds']}")
    if all("=" in text and not Path(text).exists() for text in target):
        from lossjumps.configuration.request import SINGLE, Request
        from lossjumps.stages.prepare import folders, prepare

        plan = Request(SINGLE, target, conf or CONF).plan()
        chosen = folders(plan, stage)
        again = shlex.join([*target, *(["--conf", str(conf)] if conf else [])])
        for folder in chosen:  # before anything is written
            batch = plan.batches.get(folder.name)
            data_file = plan.folder / "data" / f"{batch.condition.data}.npz" if batch else None
            check_inputs(stage, folder, data_file, target=again)
        prepare(plan)
    elif len(target) == 1:
        if conf and stage.name != "plan":
            raise InputError(f"--conf: only `lossjumps plan` and overrides read it; leave it out with {target[0]}")
        chosen = [Path(target[0])]
        check_inputs(stage, chosen[0])
    else:
        raise InputError(f"{stage.name}: expected one folder, or overrides key=value; got {' '.join(target)}")
    for folder in chosen:
        work.doing = f"{stage.name} {folder}"
        started = time.monotonic()
        if stage.name == "plan":
            stage.module.run(folder, conf or CONF)
        elif stage.step:
            with ProgressDisplay(stage.name, stage.step) as work.display, work.display.with_notes():
                stage.module.run(folder, work.display, **options)
        else:
            stage.module.run(folder)
        print(f"{stage.name}: {folder} done in {duration(time.monotonic() - started)}")


def _find(parsed: argparse.Namespace, work: _Work) -> None:
    from lossjumps import find_command

    work.doing = f"find {parsed.file}"
    with ProgressDisplay("find", "order") as work.display:
        if parsed.progress or work.display.on_terminal:
            with work.display.with_notes():
                text = find_command.run(parsed, work.display)
        else:
            text = find_command.run(parsed, silent)
    print(text)


def _replay(parsed: argparse.Namespace, work: _Work) -> None:
    from lossjumps.stages.replay import replay

    with ProgressDisplay("replay", "epoch") as work.display, work.display.with_notes():
        lines = list(replay(parsed.folder, parsed.run_key, parsed.first, parsed.last, parsed.output, work.display))
    print("\n".join(lines))


def _prune(parsed: argparse.Namespace, work: _Work) -> None:
    from lossjumps.stages.prune import prune

    print("\n".join(prune(parsed.folder, parsed.yes)))

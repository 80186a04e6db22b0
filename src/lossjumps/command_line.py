"""The command line `lossjumps`: a subcommand a stage, and what one needs beside them."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from lossjumps import ui_command
from lossjumps.errors import InputError
from lossjumps.stages.listing import EXPERIMENT, STAGES, Stage, check_inputs

CONF = Path("conf")

EPILOG = """\
examples:
  lossjumps plan results/default
  lossjumps dataset results/default/data/lorenz63-1a2b3c4d
  lossjumps train results/default/batches/lorenz63-shallow_plrnn-gtf-s0-7-1a2b3c4d
  lossjumps train dataset=lorenz63 training=gtf training.epochs=100      make the folder first, in results/single
  lossjumps dynamics results/default/batches/lorenz63-shallow_plrnn-gtf-s0-7-1a2b3c4d
  lossjumps jumps results/default/batches/lorenz63-shallow_plrnn-gtf-s0-7-1a2b3c4d
  lossjumps coincidences results/default/batches/lorenz63-shallow_plrnn-gtf-s0-7-1a2b3c4d
  lossjumps statistics results/default
  lossjumps report results/default
  lossjumps track results/default
  lossjumps find weights.npz --max-order 8              every fixed point and cycle of a network from a file
  lossjumps prune results/default                       what no plan names any more; --yes removes it
  lossjumps ui results                                  MLflow at http://127.0.0.1:5000, for all experiments

exit status: 0 done, 2 bad input (one line says what), 1 anything else
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all bad input is."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see `{self.prog} --help`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        Exit status: 0 done, 1 a package is missing, 2 bad input.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        parsed = _parser(given[:1]).parse_args(given)
        parsed.run(parsed)
    except InputError as error:
        print(f"lossjumps: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "lossjumps").split(".")[0] == "lossjumps":
            raise
        print(f"lossjumps: {error.name} is not installed; pip install 'lossjumps[pipeline]' brings it", file=sys.stderr)
        return 1
    return 0


def _parser(command: Sequence[str]) -> _Parser:
    parser = _Parser(
        prog="lossjumps",
        description="Loss jumps and bifurcations in the training of ReLU networks.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for stage in STAGES.values():
        _add_stage(commands, stage)
    find = commands.add_parser("find", help="list the fixed points and cycles of a network from a file")
    if list(command) == ["find"]:  # the search is compiled code, a second that the stages can do without
        from lossjumps import find_command

        find_command.add_arguments(find)
        find.set_defaults(run=find_command.run)
    prune = commands.add_parser("prune", help="list, or remove, what no plan names any more, in files and in MLflow")
    prune.add_argument("folder", type=Path, metavar="FOLDER", help=EXPERIMENT)
    prune.add_argument("--yes", action="store_true", help="remove it")
    prune.set_defaults(run=_prune)
    ui = commands.add_parser("ui", help="look at the results in MLflow")
    ui_command.add_arguments(ui)
    ui.set_defaults(run=ui_command.run)
    return parser


def _add_stage(commands: argparse._SubParsersAction, stage: Stage) -> None:
    parser = commands.add_parser(
        stage.name,
        help=stage.help,
        description=f"{stage.help[0].upper()}{stage.help[1:]}.",
        epilog="With overrides the folder is made first, in results/single.  "
        f"Example: lossjumps {stage.name} {stage.folder}",
    )
    parser.add_argument("target", nargs="+", metavar="FOLDER | KEY=VALUE", help=f"{stage.folder}, or overrides")
    parser.add_argument(
        "--conf", type=Path, metavar="DIR", help=f"configuration folder, for overrides and `plan` (default: {CONF})"
    )
    parser.set_defaults(run=lambda parsed: _run_stage(stage, parsed.target, parsed.conf))


def _run_stage(stage: Stage, target: Sequence[str], conf: Path | None) -> None:
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
        if stage.name == "plan":
            stage.module.run(folder, conf or CONF)
        else:
            stage.module.run(folder)
        print(f"{stage.name}: {folder} done")


def _prune(parsed: argparse.Namespace) -> None:
    from lossjumps.stages.prune import prune

    print("\n".join(prune(parsed.folder, parsed.yes)))

"""What MLflow says in words: how to read an experiment, a run, and the run `summary`."""

from collections.abc import Mapping

from lossjumps.analysis.events import KIND_NAMES, KINDS, TOO_FEW
from lossjumps.stages.tracking_views import charts_page, runs_page

NOTE_LENGTH = 7000
"""Characters of a note; MLflow cuts at 8000."""

EXPERIMENT_NOTE = """\
Each run is one training with one seed; the run `summary` carries the tables and the figures of the whole experiment.

**Start here**: [the table of runs with the columns that answer the question]({table}), and [charts]({charts}). The
menu *Views* of the page leads there as well.

- `event/...`: `jumps` of `loss/free`, and `bifurcations`, are epochs with at least one (a fixed point or cycle
  appears, vanishes or changes stability); `bifurcations_<kind>` by kind, `bifurcations_occupied` those of an
  attractor that data states run to. `unresolved` counts nowhere else.
- `coincidence/precursor_rate`: share of the run's jumps with a bifurcation in their epoch or within the tolerance
  window before; `trigger_rate`: of its bifurcations with a jump then or after. `epochs_covered`: what a jump at a
  uniformly random epoch would reach.
- `condition/...`: all runs of the condition together, the same on each of them: rates, what chance gives
  (`precursor_chance`, `trigger_chance`) and `precursor_p`, `trigger_p`. They are there when the statistics are; p
  only with {too_few} or more `condition/jumps`. Nulls, intervals, other windows and losses: run `summary`,
  `statistics/`.
- `loss/...`: mean squared error, standardised data. `free`, `free_long`: free-running from data states, short and
  long; `forced`: with forcing; the same evaluation for every run, whatever it was trained with. `_final`: after the
  last epoch; `_lowest`: the lowest of all.
- `loss/state_space_divergence`: D_stsp, how far the states that the network runs to are from the data, in nats.
- `loss/recorded`: the loss that came with a training made elsewhere; where no other is measured, the jumps are its.
- `dynamics/...`: numbers of fixed points and cycles, the largest multiplier; `complete_share`: epochs at which all
  fixed points are certified to be listed.
- **Epoch** is the step of every chart. A jump or a bifurcation at epoch e lies between e and e + 1. Charts draw a
  sample of the points; the figure of a run draws all of them.
- Group by the tags `dataset`, `training`, `alpha`, `condition`. `status`: `finished` or `diverged`. `planned`: `no`
  where the plan no longer names the run. `left_out`: points that are not finite, not drawn.
- The files under `results/` are the truth. This database can be deleted: `snakemake` imports it again.
"""


def experiment_note(experiment_id: str) -> str:
    """Return the description of an experiment, Markdown."""
    note = EXPERIMENT_NOTE.format(too_few=TOO_FEW, table=runs_page(experiment_id), charts=charts_page(experiment_id))
    return flowing(note)


def artifact_address(experiment_id: str, run_id: str, path: str) -> str:
    """Return where the interface shows an artifact, relative to its own address."""
    return f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{path}"


def run_note(address: str, numbers: Mapping[str, float], *, window: int, ending: str) -> str:
    """Return the description of a run: what happened in a sentence, and where its figure is.

    Parameters
    ----------
    address
        Of the figure, as `artifact_address` gives it.
    numbers
        `lossjumps.stages.tracked_content.run_summary`.
    window
        Tolerance window in epochs.
    ending
        How the training ended, such as "finished after epoch 1000".
    """
    jumps, bifurcations = int(numbers["event/jumps"]), int(numbers["event/bifurcations"])
    found = {kind: int(numbers[f"event/bifurcations_{kind}"]) for kind in KINDS}
    kinds = ", ".join(f"{KIND_NAMES[kind]} {number}" for kind, number in found.items() if number)
    sentences = [
        f"{ending[0].upper()}{ending[1:]}.",
        f"The loss jumped in **{_counted(jumps, 'epoch')}**, the map bifurcated in "
        f"**{_counted(bifurcations, 'epoch')}**{f' ({kinds})' if kinds else ''}.",
    ]
    if jumps:
        hits = int(numbers["coincidence/precursor_hits"])
        reach = f"the same epoch or at most {_counted(window, 'epoch')} before" if window else "the same epoch"
        sentences.append(f"Of the jumps, **{hits} of {jumps}** had a bifurcation in {reach}.")
    sentences.append(f"[Losses, fixed points, cycles and bifurcations, epoch by epoch]({address}).")
    return " ".join(sentences)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def summary_note(text: str, addresses: Mapping[str, str]) -> str:
    """Return the description of the run `summary`: where its figures are, then the report, cut if need be.

    Parameters
    ----------
    text
        The report, Markdown.
    addresses
        By name: of its figures, as `artifact_address` gives them.
    """
    links = ", ".join(f"[{name}]({address})" for name, address in addresses.items())
    text = flowing(text)
    if len(text) > NOTE_LENGTH:
        text = text[:NOTE_LENGTH].rpartition("\n")[0] + "\n\n(cut; see summary.md)\n"
    return f"{text}\nFigures: {links}\n" if links else text


def flowing(text: str) -> str:
    """Return Markdown without line breaks inside paragraphs and items, its headings one level down.

    MLflow shows every line break, and the lines of a long heading of the first level on top of each other.
    """
    lines: list[str] = []
    literal = goes_on = False
    for line in text.splitlines():
        if line.startswith("```"):
            literal, goes_on = not literal, False
        elif literal:
            pass
        elif goes_on and line and not line.startswith(("- ", "#")):
            lines[-1] += f" {line.strip()}"
            continue
        else:
            goes_on = bool(line) and not line.startswith("#")
            line = f"#{line}" if line.startswith("#") else line
        lines.append(line)
    return "\n".join(lines) + "\n"

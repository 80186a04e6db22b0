"""What all figures share: colours, marks of the kinds of bifurcation, and how a figure is made and saved."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from lossjumps.analysis.events import KINDS

# Okabe and Ito's palette, which people with any colour vision can tell apart.
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#7F7F7F"
LIGHT_GREY = "#D9D9D9"
DARK_GREY = "#4D4D4D"

FIXED_POINT, CYCLE = DARK_GREY, SKY
"""Of the objects along a training; paler than what happens to them."""

styled = matplotlib.rc_context(
    {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "figure.dpi": 150,
        "savefig.dpi": 150,
        "savefig.facecolor": "white",
        "lines.linewidth": 1.0,
        "axes.unicode_minus": False,
        "text.usetex": False,
        "svg.hashsalt": "lossjumps",
    }
)
"""Decorator: draw with the project's settings, whatever the user's matplotlibrc says."""


@dataclass(frozen=True)
class Mark:
    """How one kind of bifurcation is drawn."""

    marker: str
    colour: str


MARKS: dict[str, Mark] = dict(
    zip(
        KINDS,
        (
            Mark("^", BLUE),
            Mark("s", GREEN),
            Mark("D", PURPLE),
            Mark("P", BLACK),
            Mark("o", ORANGE),
            Mark("X", GREY),
        ),
        strict=True,
    )
)
"""How the kinds of bifurcation are drawn, in their order; none as the jumps of the loss are, in vermillion."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of the given size in inches that lays itself out."""
    return Figure(figsize=(width, height), layout="constrained")


METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}
"""What a file of each kind would say of time and program, and shall not: the same figure is the same bytes."""


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    save_figure(figure, path, "png")


@styled
def save_figure(figure: Figure, path: Path, kind: str) -> None:
    """Write a figure as one of the kinds of `METADATA`."""
    figure.savefig(path, format=kind, metadata=METADATA[kind])

"""The digest of a stage's source changes with the code it reaches, and with nothing else."""

import pytest

from lossjumps.configuration.source import source_digest

FILES = {
    "__init__.py": "",
    "stages/__init__.py": '"""Stages."""\n',
    "stages/work.py": (
        "import math\n"
        "from lossjumps.tools import used, CONSTANT\n"
        "from lossjumps import registry\n"
        "from lossjumps.lazy import late\n"
        "def run(folder):\n"
        '    """Do it."""\n'
        "    from lossjumps.inner import deep\n"
        "    return used(folder), deep(), late()\n"
    ),
    "tools.py": (
        "CONSTANT = 1\n"
        "def helper():\n    return 2\n"
        "def used(x):\n    return helper() + x\n"
        "def unused(x):\n    return x\n"
    ),
    "inner.py": "def deep():\n    return 3\n",
    "registry.py": (
        "ENTRIES = {}\n"
        "def register(f):\n    ENTRIES[f.__name__] = f\n    return f\n"
        "@register\ndef entry():\n    return 4\n"
    ),
    "lazy/__init__.py": (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from lossjumps.lazy.inside import late\n"
        "def __getattr__(name):\n    from lossjumps.lazy import inside\n    return getattr(inside, name)\n"
    ),
    "lazy/inside.py": "def late():\n    return 5\ndef other():\n    return 6\n",
    "apart.py": "def apart():\n    return 7\n",
}


@pytest.fixture
def package(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "lossjumps" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(name, old, new):
        path = tmp_path / "lossjumps" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return edit, lambda: source_digest("lossjumps.stages.work", tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stages/work.py", "def run", "# a comment\ndef run"),
        ("stages/work.py", "Do it.", "Do it well."),
        ("stages/work.py", "used(folder), deep()", "used( folder ),  deep()"),
        ("stages/__init__.py", "Stages.", "The stages."),
        ("tools.py", "return x\n", "return 2 * x\n"),
        ("lazy/inside.py", "return 6", "return 66"),
        ("apart.py", "return 7", "return 77"),
    ],
)
def test_what_cannot_matter_changes_nothing(package, name, old, new):
    edit, current = package
    before = current()
    edit(name, old, new)
    assert current() == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("stages/work.py", "used(folder), deep()", "deep(), used(folder)"),
        ("tools.py", "return 2", "return 22"),
        ("tools.py", "CONSTANT = 1", "CONSTANT = 11"),
        ("inner.py", "return 3", "return 33"),
        ("registry.py", "return 4", "return 44"),
        ("registry.py", "ENTRIES = {}", "ENTRIES = dict()"),
        ("lazy/inside.py", "return 5", "return 55"),
        ("__init__.py", "", "import os\nos.environ['A'] = 'b'\n"),
    ],
)
def test_what_is_reached_changes_it(package, name, old, new):
    edit, current = package
    before = current()
    edit(name, old, new)
    assert current() != before


def test_stages_of_this_package_depend_on_their_own_settings_alone(tmp_path):
    """A further key of the jumps' configuration must not train again."""
    import shutil
    from pathlib import Path

    import lossjumps

    shutil.copytree(Path(lossjumps.__file__).parent, tmp_path / "lossjumps", ignore=lambda *_: ["__pycache__"])
    stages = [f"lossjumps.stages.{name}" for name in ("dataset", "train", "dynamics", "jumps")]
    before = {stage: source_digest(stage, tmp_path) for stage in stages}
    schema = tmp_path / "lossjumps" / "schema.py"
    schema.write_text(schema.read_text().replace("threshold: float = 8.0", "threshold: float = 9.0"))
    changed = {stage for stage in stages if source_digest(stage, tmp_path) != before[stage]}
    assert changed == {"lossjumps.stages.jumps"}

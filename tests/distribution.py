"""How several processes share the tests: by files, the longest first (`pytest -n 2 --dist loadfile`)."""

import pytest

SHARING = tuple(f"tests/stages/test_{name}.py" for name in ("report", "track", "track_again", "tracking_store"))
"""Files that share an experiment whose import into MLflow takes seconds: one process runs them."""

# While one process compiles the kernels of the search, the other does what takes none of them.  The pipeline comes when
# they are there, as it would make its own: it runs in a copy of the project.
FIRST = ("tests/search/test_find.py", "tests/stages/test_checkpoints.py", SHARING[0], "tests/test_pipeline.py")
"""Where the longest begin; the others follow in the order of their names."""


def unit(test: str) -> str:
    """The file whose tests run in the same process as this one, or the first of several such files."""
    file = test.split("::", 1)[0]
    return SHARING[0] if file in SHARING else file


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest first in the processes that share the tests."""
    if hasattr(config, "workerinput"):
        places = {name: place for place, name in enumerate(FIRST)}
        items.sort(key=lambda item: places.get(unit(item.nodeid), len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """Deal out the units in the order of the tests; another `--dist` is somebody's own choice."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Units(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(nodeid)

    config.option.loadscopereorder = False
    return Units(config, log)

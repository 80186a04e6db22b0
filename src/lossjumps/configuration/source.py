"""Digest of the source code a stage depends on, so that editing code re-runs just what depends on it."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from lossjumps.configuration.digest import digest

_SOURCE = Path(__file__).resolve().parents[2]
_PACKAGE = "lossjumps"

Definition = tuple[str, str]
"""A module and a name that is bound at its top level."""


def source_digest(module: str, source: Path = _SOURCE) -> str:
    """Digest of the code that a module can reach inside the package, without comments and docstrings.

    What counts is found name by name: of an imported module only the definitions that are used, and what they use
    in turn, and what importing it runs.  So a new key in one schema does not touch the stages that read another.

    Parameters
    ----------
    module : str
        Such as ``lossjumps.stages.train``.
    source : Path
        Folder that holds the package.
    """
    parsed = _Sources(Path(source))
    reached = sorted(_reach(parsed, module))
    return digest([[name, parsed.module(name).text(part)] for name, part in reached])


class _Sources:
    """The parsed modules of the package, each read once."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.module = cache(self._read)
        self.path = cache(self._path)

    def _path(self, name: str) -> Path | None:
        if name.split(".")[0] != _PACKAGE:
            return None
        stem = self.source.joinpath(*name.split("."))
        candidates = (stem.with_suffix(".py"), stem / "__init__.py")
        return next((path for path in candidates if path.is_file()), None)

    def _read(self, name: str) -> "_Module":
        path = self.path(name)
        if path is None:
            raise FileNotFoundError(f"{name}: no module of that name in {self.source}")
        return _parsed(name, path.name == "__init__.py", path.read_bytes())


@cache  # the digests of several stages are asked for, and most modules and definitions are part of most of them
def _parsed(name: str, is_package: bool, content: bytes) -> "_Module":
    return _Module(ast.parse(content), name, is_package)


class _Module:
    """A module's top level: which statements bind which name, and which act when it is imported."""

    def __init__(self, tree: ast.Module, name: str, is_package: bool) -> None:
        self.name = name
        self.package = name if is_package else name.rpartition(".")[0]
        self.bound: dict[str, list[ast.stmt]] = {}
        self.acting: list[ast.AST] = []
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.text = cache(self._text)
        self.uses = cache(self._uses)
        for statement in _flat(tree.body, self.acting):
            self._sort(_without_docstrings(statement))

    def _sort(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self.imports.append(statement)
            for alias in statement.names:
                self.bound.setdefault((alias.asname or alias.name).split(".")[0], []).append(statement)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.bound.setdefault(statement.name, []).append(statement)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
            if any(isinstance(node, ast.Subscript | ast.Attribute) for target in targets for node in ast.walk(target)):
                self.acting.append(statement)
            for name in names:
                self.bound.setdefault(name, []).append(statement)
        else:
            self.acting.append(statement)

    def nodes(self, part: str) -> list[ast.AST]:
        return self.acting if part == "" else list(self.bound.get(part, []))

    def _text(self, part: str) -> list[str]:
        return [ast.dump(node) for node in self.nodes(part) if not isinstance(node, ast.Import | ast.ImportFrom)]

    def _uses(self, part: str) -> tuple[set[str], list[ast.Import | ast.ImportFrom]]:
        """The names of this module that a part refers to, and the imports in it."""
        inner = [node for statement in self.nodes(part) for node in ast.walk(statement)]
        names = {node.id for node in inner if isinstance(node, ast.Name) and node.id in self.bound}
        return names - {part}, [node for node in inner if isinstance(node, ast.Import | ast.ImportFrom)]

    def registers(self, sources: _Sources) -> Iterator[str]:
        """Names of definitions whose decorator is the package's own: decorating may register them."""
        for name, nodes in self.bound.items():
            for node in nodes:
                for decorator in getattr(node, "decorator_list", []):
                    used = {part.id for part in ast.walk(decorator) if isinstance(part, ast.Name)}
                    if any(self.is_own(identifier, sources) for identifier in used):
                        yield name

    def is_own(self, identifier: str, sources: _Sources) -> bool:
        for node in self.bound.get(identifier, []):
            if isinstance(node, ast.ImportFrom):
                return sources.path(_absolute(node, self)) is not None
            return not isinstance(node, ast.Import)
        return False


def _flat(statements: Iterable[ast.stmt], acting: list[ast.AST]) -> Iterator[ast.stmt]:
    """Statements of the top level, those inside `if` and `try` included; conditions go to `acting`."""
    for statement in statements:
        if isinstance(statement, ast.If):
            acting.append(statement.test)
            yield from _flat([*statement.body, *statement.orelse], acting)
        elif isinstance(statement, ast.Try):
            handlers = [inner for handler in statement.handlers for inner in handler.body]
            yield from _flat([*statement.body, *handlers, *statement.orelse, *statement.finalbody], acting)
        elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield statement


def _without_docstrings(statement: ast.stmt) -> ast.stmt:
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.body = [
                inner
                for inner in node.body
                if not (isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant))
            ] or [ast.Pass()]
    return statement


def _absolute(node: ast.ImportFrom, module: _Module) -> str:
    if node.level == 0:
        return node.module or ""
    parts = module.package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _reach(sources: _Sources, module: str) -> set[Definition]:
    """Every definition that the whole of a module reaches; the part ``""`` is what importing a module runs."""
    reached: set[Definition] = set()
    waiting: list[Definition] = list(_whole(sources, module))
    while waiting:
        name, part = waiting.pop()
        if (name, part) in reached:
            continue
        reached.add((name, part))
        current = sources.module(name)
        if part == "":
            parent = name.rpartition(".")[0]
            waiting += [(parent, "")] if parent else []
            waiting += [(name, registered) for registered in current.registers(sources)]
            for node in current.imports:
                waiting += [(target, "") for target in _modules_of(node, current, sources)]
        else:
            waiting.append((name, ""))
        waiting += _used(part, current, sources)
    return reached


def _whole(sources: _Sources, module: str) -> Iterator[Definition]:
    yield module, ""
    yield from ((module, name) for name in sources.module(module).bound)


def _modules_of(node: ast.Import | ast.ImportFrom, current: _Module, sources: _Sources) -> list[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        base = _absolute(node, current)
        names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [name for name in names if sources.path(name) is not None]


def _used(part: str, current: _Module, sources: _Sources) -> Iterator[Definition]:
    """What a part of a module refers to: names of its own module, and what it imports."""
    names, imports = current.uses(part)
    yield from ((current.name, name) for name in names)
    for node in imports:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if sources.path(alias.name) is not None:
                    yield from _whole(sources, alias.name)
            continue
        base = _absolute(node, current)
        if sources.path(base) is None:
            continue
        # a top-level import is followed only for the name asked for
        wanted = part if any(node is other for other in current.imports) else None
        for alias in node.names:
            if wanted is not None and (alias.asname or alias.name) != wanted:
                continue
            if alias.name == "*":
                yield from _whole(sources, base)
            elif alias.name in sources.module(base).bound:
                yield base, alias.name
            elif sources.path(f"{base}.{alias.name}") is not None:
                yield from _whole(sources, f"{base}.{alias.name}")

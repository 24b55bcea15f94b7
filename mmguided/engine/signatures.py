"""Arguments of registered classes, read from their source: an import would take many seconds."""
import ast
import re
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

#: Where a class may stand that a config, or a class that inherits it, names without a package.
SHARED_PACKAGES = ('mmpretrain', 'mmengine', 'mmcv')


def arguments_of(kind: str, scope: str) -> frozenset[str] | None:
    """Names of the arguments that a class takes, those of its bases included where it hands them
    on; None if that cannot be told from the source.

    Args:
        kind: ``type`` in a config: ``CLASS`` or ``SCOPE.CLASS``.
        scope: Scope of a class that names none.
    """
    package, _, name = kind.rpartition('.')
    return _arguments(name, (package, ) if package else (scope, *SHARED_PACKAGES))


def _arguments(name: str, packages: tuple[str, ...]) -> frozenset[str] | None:
    for package in packages:
        if found := _find_classes(name, package):
            # Where two classes of a package share a name, either may be meant.
            return _union(_arguments_of_class(node, package) for node in found)
    return None


def _arguments_of_class(node: ast.ClassDef, package: str) -> frozenset[str] | None:
    init = next((item for item in node.body
                 if isinstance(item, ast.FunctionDef) and item.name == '__init__'), None)
    names = frozenset()
    if init is not None:
        names = frozenset(arg.arg for arg in (*init.args.args[1:], *init.args.kwonlyargs))
        if init.args.kwarg is None:
            return names
    elif node.decorator_list and any(isinstance(item, ast.AnnAssign) for item in node.body):
        return None  # perhaps a dataclass
    return _union([names, *(_arguments(getattr(base, 'id', ''), (package, *SHARED_PACKAGES))
                            for base in node.bases)])


def _union(sets: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    sets = list(sets)
    return None if None in sets else frozenset().union(*sets)


@cache
def _find_classes(name: str, package: str) -> list[ast.ClassDef]:
    pattern = re.compile(rf'^class {re.escape(name)}\b', re.MULTILINE)
    return [node for text in _sources(package) if pattern.search(text)
            for node in ast.parse(text).body
            if isinstance(node, ast.ClassDef) and node.name == name]


@cache
def _sources(package: str) -> tuple[str, ...]:
    spec = find_spec(package) if package.isidentifier() else None
    return tuple(path.read_text(encoding='utf-8', errors='ignore')
                 for folder in (spec and spec.submodule_search_locations) or ()
                 for path in Path(folder).rglob('*.py') if '.mim' not in path.parts)

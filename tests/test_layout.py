"""Layout of the package: imports go downward only. ``python tests/test_layout.py`` lists the
packages and their imports."""
import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / 'mmguided'
# A room imports only rooms further right.
ROOMS = ('__init__', 'cli', 'hub', 'engine', 'evaluation', 'analysis', 'datasets', 'models',
         'visualization', 'structures', 'ops', 'utils', 'registry', 'version')
# A sub-package of models imports only tiers further right.
TIERS = (('__init__', ), ('selfsup', ), ('mask_generators', 'target_generators', 'teachers'),
         ('backbones', 'heads', 'necks'), ('data_preprocessor', 'layers', 'losses'))


def imports(path: Path) -> list[tuple[str, ...]]:
    """Absolute names of all modules that a file imports, at any depth of its code."""
    package = ('mmguided', *path.relative_to(ROOT).parts[:-1])
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name.split('.') for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) + 1 - node.level] if node.level else ()
            module = (*base, *(node.module.split('.') if node.module else ()))
            found += [(*module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and ast.unparse(node.func).endswith(
                ('import_module', '__import__')) and isinstance(node.args[0], ast.Constant):
            found.append(node.args[0].value.split('.'))
    return [tuple(name) for name in found]


def files() -> list[Path]:
    return [path for path in sorted(ROOT.rglob('*.py')) if '.mim' not in path.parts]


def arrows(folder: Path, known: tuple[str, ...]) -> dict[tuple[str, str], set[str]]:
    """(importer, imported) among the parts of ``folder`` -> importing files."""
    prefix = ('mmguided', *folder.relative_to(ROOT).parts)
    found = {}
    for path in files():
        if not path.is_relative_to(folder):
            continue
        importer = path.relative_to(folder).parts[0].removesuffix('.py')
        for name in imports(path):
            if name[:len(prefix)] != prefix:
                continue
            rest = name[len(prefix):]
            imported = rest[0] if rest and rest[0] in known else '__init__'
            if imported != importer:
                found.setdefault((importer, imported), set()).add(str(path.relative_to(ROOT)))
    return found


def test_every_room_has_a_place():
    rooms = {path.relative_to(ROOT).parts[0].removesuffix('.py') for path in files()}
    assert rooms == set(ROOMS)
    parts = {path.name.removesuffix('.py') for path in (ROOT / 'models').glob('[!.]*')}
    assert parts - {'__pycache__'} == {name for tier in TIERS for name in tier}


def test_rooms_import_downward():
    upward = {arrow: where for arrow, where in arrows(ROOT, ROOMS).items()
              if ROOMS.index(arrow[0]) > ROOMS.index(arrow[1])}
    assert not upward


def test_parts_of_models_import_downward():
    tier_of = {name: i for i, tier in enumerate(TIERS) for name in tier}
    upward = {arrow: where for arrow, where in arrows(ROOT / 'models', tuple(tier_of)).items()
              if tier_of[arrow[0]] >= tier_of[arrow[1]]}
    assert not upward


@pytest.mark.parametrize('folder', ['ops', 'models/losses', 'analysis'])
def test_pure_functions_import_neither_registry_nor_runner(folder):
    forbidden = {('mmguided', 'registry'), ('mmengine', 'registry'), ('mmengine', 'runner')}
    for path in files():
        if path.is_relative_to(ROOT / folder) and path.name != 'inspection.py':
            assert not forbidden & {name[:2] for name in imports(path)}, path


if __name__ == '__main__':
    found = arrows(ROOT, ROOMS)
    for (importer, imported), where in sorted(found.items()):
        print(f'{importer} -> {imported}: {len(where)} files')
    print(f'{len(ROOMS)} rooms, {len(found)} arrows, '
          f'{sum(ROOMS.index(a) > ROOMS.index(b) for a, b in found)} upward')

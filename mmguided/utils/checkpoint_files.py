"""Checkpoint files: find the newest complete one, without torch."""
import logging
import zipfile
from pathlib import Path

from mmengine.logging import print_log


def find_damage(path: str | Path) -> str | None:
    """Describe the damage of a checkpoint; None if the file is complete.

    torch saves a zip archive with a checksum of each entry, but ignores the checksums on loading.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.testzip()
    except (zipfile.BadZipFile, EOFError) as error:
        return f'not a complete file ({error})'
    return entry and f'the checksum of {entry!r} is wrong'


def run_checkpoints(work_dir: str | Path) -> list[Path]:
    """Checkpoints of a run, from the newest to the oldest."""

    def age(path: Path) -> tuple[int, int, str]:
        # The number is the second key because iterations and epochs are not comparable, and a run
        # may restart from an earlier checkpoint.
        number = path.stem.rpartition('_')[2]
        return path.stat().st_mtime_ns, int(number) if number.isdecimal() else -1, path.name

    return sorted((path for pattern in ('epoch_*.pth', 'iter_*.pth')
                   for path in Path(work_dir).glob(pattern)), key=age, reverse=True)


def newest_complete(work_dir: str | Path) -> Path | None:
    """The newest complete checkpoint of a run; damaged files are skipped with a warning."""
    for path in run_checkpoints(work_dir):
        damage = find_damage(path)
        if damage is None:
            return path
        print_log(f'{path} is skipped: {damage}', 'current', logging.WARNING)
    return None

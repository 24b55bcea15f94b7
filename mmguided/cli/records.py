"""Result files of tools: atomic writing, and a check that all results have the same settings."""
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from mmengine.config import Config

from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError

from .config_checks import RUNNER_FIELDS


def write_json(path: Path, content: object) -> None:
    """Write a JSON file that is complete even if the tool is interrupted."""
    part = path.with_name(f'{path.name}.part')
    part.write_text(json.dumps(content, indent=1))
    os.replace(part, path)


def read_json(path: Path) -> object:
    """Read a JSON file that a tool has written.

    Raises:
        ConfigError: If the file is incomplete.
    """
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ConfigError(f"file='{path}': not a complete JSON file ({error}). Delete it and "
                          'repeat the command. Results in other files of the folder are '
                          'kept.') from error


def file_hash(path: Path) -> str:
    """SHA-256 of a file, or of the weights in a model folder."""
    if path.is_dir():
        path = path / 'model.safetensors'
    found = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(2**20):
            found.update(block)
    return found.hexdigest()


def names_hash(folders: Iterable[str]) -> str:
    """SHA-256 of the names of all files in these folders. Links to folders are followed, except
    loops."""
    found = hashlib.sha256()
    for folder in folders:
        seen = set()
        for path, below, files in os.walk(os.path.expanduser(folder), followlinks=True):
            here = os.path.realpath(path)
            seen.add(here)
            targets = {name: os.path.realpath(os.path.join(path, name)) for name in below}
            below[:] = sorted(
                name for name, target in targets.items()
                if target not in seen and not f'{here}/'.startswith(f'{target}/'))
            found.update('\n'.join([os.path.relpath(path, folder), *sorted(files), '']).encode())
    return found.hexdigest()


def settings_of(cfg: Config) -> dict[str, str]:
    """All values of a config that Runner reads, by field."""
    return {name: repr(value) for field in sorted(RUNNER_FIELDS & set(cfg))
            for name, value in walk(cfg[field], field)
            if not (value and isinstance(value, (dict, list, tuple)))}


def digest(settings: Mapping[str, str]) -> str:
    """Hash of settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def check_settings(out: Path, title: str, before: Mapping[str, str],
                   now: Mapping[str, str]) -> None:
    """Raise ConfigError if earlier results have other settings.

    Args:
        out: Folder of the results.
        title: Name of the results.
        before: Their settings.
        now: Settings of this command.
    """
    fields = [name for name in {**now, **before} if before.get(name) != now.get(name)]
    if fields:
        values = '; '.join(f'{name}={before.get(name, "not set")}, now '
                           f'{now.get(name, "not set")}' for name in fields[:3])
        raise ConfigError(f"--out='{out}': the results of {title} have other settings: {values}. "
                          'Set another --out or NAME=.')


class Conditions:
    """Settings of a run, saved in its folder and as a hash in its result.

    Args:
        settings: Everything on which the result depends, by field.
        folder: Folder of the run.
    """

    def __init__(self, settings: Mapping[str, str], folder: Path) -> None:
        self.settings = dict(settings)
        self.digest = digest(settings)
        self.path = folder / 'conditions.json'

    def save(self) -> None:
        """Write the settings before the run starts."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, self.settings)

    def check(self, out: Path, title: str, result: Mapping | None) -> None:
        """Raise ConfigError if the run was started, or ``result`` was measured, with other
        settings."""
        if self.path.is_file():
            check_settings(out, title, read_json(self.path), self.settings)
        elif result:
            check_settings(out, title, dict(conditions=result.get('conditions', 'not set')),
                           dict(conditions=self.digest))

"""Errors that a user can fix, and how the tools show them."""
import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ConfigError(ValueError):
    """A config or command line asks for what cannot be; the message names the field, its value and
    the remedy. The tools print it without a traceback."""


@contextmanager
def imports_of_extra(extra: str) -> Iterator[None]:
    """Around a tool's imports of packages that only an extra of ours installs: one that is missing
    becomes an ``error:`` line and exit code 1."""
    try:
        yield
    except ModuleNotFoundError as error:
        sys.exit(f'error: {sys.argv[0]} needs the package {error.name!r}: '
                 f"`pip install -e '.[{extra}]'`")


def check_file(field: str, path: str, remedy: str) -> None:
    """Raise ConfigError unless ``path`` is a file; addresses such as ``https://...`` pass."""
    if '://' not in path and not os.path.isfile(os.path.expanduser(path)):
        raise ConfigError(f'{field}={path!r}: no such file; {remedy}')


def user_message(error: ConfigError) -> str:
    """The bare message of ``error``, whatever wrapped it on its way up.

    MMEngine's registry may raise a new error of the same type around the first one, and a data
    loader's worker hands over its whole traceback as the text of a new one.
    """
    inner = error.__cause__ or error.__context__
    while isinstance(inner, ConfigError):
        error, inner = inner, inner.__cause__ or inner.__context__
    message = str(error)
    if message.startswith('Caught ConfigError'):
        message = message.rpartition(f'{ConfigError.__name__}: ')[2].strip()
    return message


def exit_on_config_error(main: Callable[[], None]) -> Callable[[], None]:
    """Decorate a tool's ``main``: a `ConfigError` becomes one ``error:`` line and exit code 1."""

    @functools.wraps(main)
    def wrapper() -> None:
        try:
            main()
        except ConfigError as error:
            rank = os.environ.get('RANK', '0')
            who = 'error' if rank == '0' else f'error (process {rank})'
            sys.exit(f'{who}: {user_message(error)}')

    return wrapper

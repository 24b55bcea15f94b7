"""Errors that a user can fix, and helpers that print them."""
import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

#: Prefixes of model names; see :func:`mmguided.utils.exchange.local_folder`.
MODEL_SOURCES = ('hf-hub:', 'timm:')


class ConfigError(ValueError):
    """Error in a config or on the command line. The message names the field, its value and the
    remedy; the tools print it without a traceback and exit with :attr:`exit_code`."""

    exit_code = 1


class DivergedError(ConfigError):
    """The loss of a run is NaN or Inf."""

    exit_code = 3


@contextmanager
def imports_of_extra(extra: str) -> Iterator[None]:
    """Exit with one line if an import inside the context needs a package that only ``extra``
    installs."""
    try:
        yield
    except ModuleNotFoundError as error:
        sys.exit(f'error: {_missing_package(sys.argv[0], error, extra)}')


@contextmanager
def require_extra(extra: str, source: str) -> Iterator[None]:
    """Raise ConfigError if code inside the context needs a package that only ``extra`` installs.
    The message starts with ``source``, such as ``field='value'``."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(_missing_package(source, error, extra)) from error


def _missing_package(source: str, error: ModuleNotFoundError, extra: str) -> str:
    return (f"{source}: the package {error.name!r} is not installed. Run `pip install -e "
            f"'.[{extra}]'`.")


def did_you_mean(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """End of an error message about an unknown name: ``. Did you mean NAME?``, or a period if no
    known name is similar."""
    close = get_close_matches(name, list(names), 1, cutoff)
    return f'. Did you mean {close[0]!r}?' if close else '.'


def check_file(field: str, path: str, remedy: str) -> None:
    """Raise ConfigError unless ``path`` is a file or a model folder; addresses such as
    ``https://...`` and names such as ``hf-hub:...`` pass."""
    local = os.path.expanduser(path)
    if '://' not in path and not path.startswith(MODEL_SOURCES) and not os.path.isfile(
            os.path.join(local, 'config.json') if os.path.isdir(local) else local):
        raise ConfigError(f'{field}={path!r}: no such file. {remedy}')


def check_image_folder(field: str, path: str | os.PathLike) -> None:
    """Raise ConfigError unless ``path`` is a local folder."""
    if not os.path.isdir(path):
        wrong = 'not a folder' if os.path.exists(path) else 'does not exist'
        raise ConfigError(f'{field}={str(path)!r}: {wrong}. Give a folder with images.')


def user_message(error: ConfigError) -> str:
    """Return the original message of ``error``.

    MMEngine's registry may raise a second error of the same type, and a data loader worker sends
    its whole traceback as the message. An error raised ``from None`` is the original.
    """
    while isinstance(inner := error.__cause__ or (
            None if error.__suppress_context__ else error.__context__), ConfigError):
        error = inner
    message = str(error)
    if message.startswith('Caught ConfigError'):
        message = message.rpartition(f'{ConfigError.__name__}: ')[2].strip()
    return message


def exit_on_config_error(main: Callable[[], None]) -> Callable[[], None]:
    """Decorate a tool's ``main``: print a `ConfigError` as one ``error:`` line and exit."""

    @functools.wraps(main)
    def wrapper() -> None:
        try:
            main()
        except ConfigError as error:
            rank = os.environ.get('RANK', '0')
            source = 'error' if rank == '0' else f'error (process {rank})'
            message = f'{source}: {user_message(error)}'
            if error.exit_code == 1:
                sys.exit(message)
            print(message, file=sys.stderr)
            sys.exit(error.exit_code)

    return wrapper

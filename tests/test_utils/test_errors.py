"""ConfigError: one line for the user, even if another error wraps it."""
import pytest
from torch.utils.data import DataLoader

from mmguided.utils.errors import (
    ConfigError,
    check_file,
    exit_on_config_error,
    imports_of_extra,
    user_message,
)
from tests.helpers.toy import ToyData


def test_message_survives_a_registry_that_wraps():
    def build():
        try:
            raise ConfigError('model.depth=0: set it')
        except Exception as error:
            raise type(error)(f'class `ToyModel` in toy.py: {error}') from error

    with pytest.raises(ConfigError) as error:
        build()
    assert user_message(error.value) == 'model.depth=0: set it'


def test_a_field_that_a_second_error_adds_is_kept():
    with pytest.raises(ConfigError) as error:
        try:
            raise ConfigError('layers: too many')
        except ConfigError as inner:
            raise ConfigError(f'guidance: {inner}') from None
    assert user_message(error.value) == 'guidance: layers: too many'


def test_message_survives_a_worker_process():
    with pytest.raises(ConfigError) as error:
        list(DataLoader(ToyData(bad=5), num_workers=1))
    assert 'Traceback' in str(error.value)
    assert user_message(error.value) == 'dataset.bad=5: leave it out'


@pytest.mark.parametrize('path, found', [
    ('file.pth', True), ('~/file.pth', True), ('https://a.org/b.pth', True), ('gone.pth', False),
    ('.', False), ('~/gone.pth', False), ('', False)])
def test_files_and_addresses_pass(tmp_path, monkeypatch, path, found):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'file.pth').touch()
    if found:
        check_file('field', path, 'remedy')
        return
    with pytest.raises(ConfigError, match=f"^load_from='{path}': no such file. Use another"):
        check_file('load_from', path, 'Use another')


@pytest.mark.parametrize('rank, who', [(None, 'error'), ('0', 'error'), ('3', 'error (process 3)')])
def test_a_tool_exits_with_the_message_and_its_process(monkeypatch, rank, who):
    monkeypatch.delenv('RANK', raising=False)
    if rank is not None:
        monkeypatch.setenv('RANK', rank)

    @exit_on_config_error
    def main():
        """Does nothing right."""
        raise ConfigError('model.depth=0: set it')

    with pytest.raises(SystemExit) as stop:
        main()
    # Python prints a string to stderr and exits with 1.
    assert stop.value.code == f'{who}: model.depth=0: set it'
    assert main.__doc__ == 'Does nothing right.'


def test_a_missing_package_is_one_line_with_its_extra():
    with pytest.raises(SystemExit, match=r"'no_such_package' .*\.\[clip\]"), \
            imports_of_extra('clip'):
        import no_such_package  # noqa: F401

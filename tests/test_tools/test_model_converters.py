"""tools/model_converters: there and back, and errors in one line."""
import torch

from tests.helpers.encoders import build_timm_vit, build_vit
from tests.helpers.tools import error_of_tool, run_tool


def test_released_to_ours_to_plain_vits(tmp_path, monkeypatch, capsys):
    released, ours, plain = (tmp_path / f'{name}.pth' for name in 'abc')
    torch.save(dict(model=build_timm_vit().state_dict()), released)
    run_tool(monkeypatch, 'model_converters/released_to_mmguided.py', 'mae', released, ours)
    run_tool(monkeypatch, 'model_converters/mmguided_to_vit.py', ours, plain, '--layout', 'timm')
    build_timm_vit().load_state_dict(torch.load(plain), strict=True)
    run_tool(monkeypatch, 'model_converters/mmguided_to_vit.py', ours, plain)
    build_vit().load_state_dict(torch.load(plain), strict=True)
    assert f'every key of {released} used' in capsys.readouterr().out


def test_a_missing_file_is_one_line(tmp_path, monkeypatch):
    said = error_of_tool(
        monkeypatch, 'model_converters/mmguided_to_vit.py', 'nowhere.pth', tmp_path / 'c.pth')
    assert said.startswith("error: src='nowhere.pth': no such file")

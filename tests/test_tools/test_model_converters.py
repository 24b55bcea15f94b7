"""tools/model_converters: round trips, and one-line errors."""
import pytest
import torch
from safetensors.torch import save_file

import mmguided
from mmguided.analysis.layers import encoder_layers
from mmguided.utils.converters import encoder_to
from tests.helpers.encoders import build_timm_vit
from tests.helpers.tools import error_of_tool, run_tool


@pytest.mark.parametrize('name, save', [
    ('a.pth', lambda state, path: torch.save(dict(model=state), path)),
    ('a.safetensors', save_file)])
def test_released_to_ours(tmp_path, monkeypatch, capsys, name, save):
    released, ours = tmp_path / name, tmp_path / 'b.pth'
    state = build_timm_vit().state_dict()
    save(state, released)
    run_tool(monkeypatch, 'model_converters/released_to_mmguided.py', 'mae', released, ours)
    back = encoder_to('timm', torch.load(ours)['state_dict'])
    assert back.keys() == state.keys() and all(torch.equal(back[k], state[k]) for k in state)
    assert f'every key of {released} used' in capsys.readouterr().out


def test_encoder_of_timm_needs_no_config(tmp_path, monkeypatch):
    torch.manual_seed(0)
    theirs = build_timm_vit(num_classes=5).eval()
    torch.save(theirs.state_dict(), tmp_path / 'timm.pth')
    run_tool(monkeypatch, 'model_converters/released_to_mmguided.py', 'vit', tmp_path / 'timm.pth',
             tmp_path / 'ours.pth', '--num-heads', 2, '--cfg-options',
             'model.data_preprocessor.mean=[127.5,127.5,127.5]')
    model = mmguided.get_model(tmp_path / 'ours.pth')
    assert model.data_preprocessor.mean.flatten().tolist() == [127.5] * 3
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = theirs.norm(encoder_layers(model, images)[-1].outputs)
        torch.testing.assert_close(theirs.forward_features(images), expected)


@pytest.mark.parametrize('options, said', [
    ([], '--num-heads=None:'), (['--num-heads', 3], '--num-heads=3: does not divide the width 32')])
def test_heads_of_an_encoder(tmp_path, monkeypatch, options, said):
    torch.save(build_timm_vit().state_dict(), tmp_path / 'timm.pth')
    assert said in error_of_tool(
        monkeypatch, 'model_converters/released_to_mmguided.py', 'vit', tmp_path / 'timm.pth',
        tmp_path / 'ours.pth', *options)


@pytest.mark.parametrize('content', [
    b'', b'<!DOCTYPE html>', b'version https://git-lfs.github.com/spec/v1', [torch.zeros(1)], None])
def test_an_unusable_file(tmp_path, monkeypatch, content):
    path = tmp_path / 'a.pth'
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        torch.save(content, path)
    error = error_of_tool(
        monkeypatch, 'model_converters/released_to_mmguided.py', 'mae', path, tmp_path / 'c.pth')
    assert error.startswith(f"error: src='{path}'")

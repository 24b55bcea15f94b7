"""Label propagation on known motion and in Runner.test."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmguided.evaluation import LabelPropagation, score_folders, score_sequence, summarize_objects
from mmguided.evaluation.label_propagation import _to_mask
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from mmguided.utils.mask_files import read_mask
from tests.helpers.benchmarks import save_encoder
from tests.helpers.davis import SMALL_VIT, moving_squares, small_davis, write_davis
from tests.helpers.processes import in_processes, run_test

PROJECTION = dict(type='mmguided.PatchProjection')
CENTERS = (slice(None), slice(4, None, 8), slice(4, None, 8))


def build(backbone=PROJECTION, **settings) -> LabelPropagation:
    """For frames of 128 x 192 pixels."""
    return MODELS.build(dict(
        type='mmguided.LabelPropagation', backbone=backbone,
        data_preprocessor=dict(mean=[127.5] * 3, std=[73.9] * 3, to_rgb=True),
        **dict(short_side=128) | settings))


def test_squares_that_move_by_whole_patches():
    """All patches get the label of their square. J and F are below 1 only because bilinear
    upsampling rounds the corners."""
    frames, masks = moving_squares(num_frames=9)
    model = build()
    predictions = [masks[0], *model.segment(torch.from_numpy(frames), masks[0])]
    assert np.array_equal(np.stack(predictions)[CENTERS], masks[CENTERS])
    _, total = summarize_objects(dict(x=score_sequence(np.stack(predictions), masks)))
    assert total['J&F-Mean'] > .97 and total['J-Mean'] > .95 and total['F-Mean'] > .98
    assert total['J-Recall'] == total['F-Recall'] == 1 and abs(total['J-Decay']) < .02


def test_radius_limits_motion():
    frames, masks = moving_squares(num_frames=4, step=2)
    for radius, kept in ((2, True), (1, False)):
        found = np.stack(list(build(radius=radius).segment(torch.from_numpy(frames), masks[0])))
        assert np.array_equal(found[CENTERS], masks[1:][CENTERS]) == kept


def test_frames_per_batch_does_not_change_the_result():
    frames, masks = moving_squares(num_frames=5)
    torch.manual_seed(0)
    model = build(SMALL_VIT)
    results = []
    for model.frames_per_batch in (1, 2, 5):
        results.append(list(model.segment(torch.from_numpy(frames), masks[0])))
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


@pytest.mark.parametrize('size, patch, expected', [
    ((480, 854), 16, (480, 848)),   # 53.4 patches
    ((480, 910), 16, (480, 912)),   # 56.9
    ((480, 854), 14, (476, 854)),   # 34.3 and 61
    ((960, 1708), 16, (480, 848)), ((854, 480), 16, (848, 480))])
def test_both_sides_are_rounded_to_patches(size, patch, expected):
    model = build(dict(PROJECTION, patch_size=patch), short_side=480)
    assert model.input_size(*size) == expected
    feature, = model.features(torch.zeros(1, 3, *size, dtype=torch.uint8))
    assert feature.shape[:2] == (expected[0] // patch, expected[1] // patch)


def test_features_are_normalized_patch_tokens():
    model = build(SMALL_VIT, short_side=64)
    frames = torch.randint(0, 256, (3, 3, 64, 96), dtype=torch.uint8)
    images = (frames.flip(1).float() - 127.5) / 73.9
    tokens = model.backbone.encode(model.backbone.embed(images))[:, 1:]
    torch.testing.assert_close(torch.stack(list(model.features(frames))).flatten(1, 2), tokens)


def test_lost_object_and_void_pixels():
    """An object that covers no patch center is never predicted. Void pixels are background."""
    frames, masks = moving_squares(num_frames=3)
    first = masks[0].copy()
    first[first == 2] = 0
    first[8:11, 8:11], first[100:] = 2, 255
    found = np.stack(list(build().segment(torch.from_numpy(frames), first)))
    assert set(np.unique(found)) == {0, 1} and (found[:, 110:] == 0).all()


def test_maps_are_scaled_before_the_argmax():
    """Of two patches, a weak object gets the one with its largest value."""
    labels = torch.tensor([[[1., 0], [.8, .2]]])
    assert _to_mask(labels, (2, 8)).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]] * 2
    constant = F.one_hot(torch.zeros(1, 2, dtype=torch.long), 2).float()
    assert _to_mask(constant, (2, 8)).max() == 0


@pytest.mark.parametrize('wrong, message', [
    *((dict([setting]), 'model.{}={}:'.format(*setting)) for setting in (
        ('topk', 0), ('radius', -1), ('short_side', 48.5), ('temperature', 0),
        ('frames_per_batch', 0), ('num_last_frames', -1))),
    (dict(backbone=dict(SMALL_VIT, out_type='cls_token')), "out_type='cls_token':"),
    (dict(backbone=dict(type='VisionTransformer', arch='deit-tiny')),
     'backbone.type=VisionTransformer:')])
def test_invalid_settings(wrong, message):
    with pytest.raises(ConfigError, match=message):
        build(**wrong)


def test_two_processes_equal_one_and_the_written_masks(tmp_path, monkeypatch):
    """Two processes segment two of three sequences each, one of them twice."""
    monkeypatch.chdir(tmp_path)  # MMEngine collects results below the working directory
    monkeypatch.setenv('LOCAL_RANK', '0')
    checkpoint = save_encoder(SMALL_VIT, tmp_path / 'epoch_1.pth')
    davis = write_davis(tmp_path / 'davis', {
        name: moving_squares(num) for name, num in (('a', 5), ('b', 4), ('c', 3))})

    def run(name, distributed):
        cfg = small_davis(davis, tmp_path / name, short_side=128)
        cfg.load_from = checkpoint
        cfg.test_evaluator.out_dir = str(tmp_path / name / 'masks')
        return run_test(cfg, distributed)

    one = run('1', False)
    assert in_processes(lambda: run('2', True), tmp_path) == [one, one]
    objects, total = score_folders(tmp_path / '1/masks', davis / 'Annotations/480p', 'abc')
    assert one[0] == pytest.approx({f'davis/{name}': 100 * total[name] for name in total})
    assert 50 < one[0]['davis/J&F-Mean'] < 100
    log = next((tmp_path / '1').glob('*/*.log')).read_text()
    assert all(f' {100 * row["J-Mean"]:.1f} ' in log for row in objects.values())
    first, second = (sorted((tmp_path / name / 'masks').glob('*/*.png')) for name in '12')
    assert len(first) == len(second) == 12
    assert np.array_equal(
        read_mask(first[0]), read_mask(davis / 'Annotations/480p/a/00000.png'))
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))

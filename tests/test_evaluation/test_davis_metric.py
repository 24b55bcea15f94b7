"""DAVIS metric: numbers and videos."""
import cv2
import numpy as np
import pytest
import torch

from mmguided.evaluation import DAVISMetric
from mmguided.evaluation.davis_metric import overlays
from tests.helpers.davis import moving_squares


def sample(name, masks, predictions):
    return dict(sequence=name, gt_masks=masks, pred_masks=predictions,
                frame_names=[f'{t:05}' for t in range(len(masks))])


def test_each_sequence_counts_once():
    frames, masks = moving_squares(num_frames=5, patch=4)
    wrong = np.where(masks == 2, 0, masks)
    samples = [sample('right', masks, masks), sample('wrong', masks, wrong)]
    metric = DAVISMetric()
    metric.process(dict(inputs=[torch.from_numpy(frames)] * 2), samples)
    # Samplers may repeat samples to fill the last batch.
    metric.process(dict(inputs=[torch.from_numpy(frames)]), samples[:1])
    # Three of four objects are segmented in every frame.
    assert metric.evaluate(size=3) == pytest.approx({
        'davis/J&F-Mean': 75, 'davis/J-Mean': 75, 'davis/J-Recall': 75, 'davis/J-Decay': 0,
        'davis/F-Mean': 75, 'davis/F-Recall': 75, 'davis/F-Decay': 0})


def test_overlay_blends_object_colors():
    frames = torch.full((1, 3, 1, 2), 100, dtype=torch.uint8)
    picture, = overlays(frames, np.array([[[0, 1]]], np.uint8))
    assert picture.tolist() == [[[100, 100, 100], [50, 50, 50 + 64]]]  # BGR


def test_video(tmp_path):
    frames, masks = moving_squares(num_frames=4, patch=4)
    metric = DAVISMetric(video_dir=str(tmp_path / 'videos'))
    metric.process(dict(inputs=[torch.from_numpy(frames)]), [sample('x', masks, masks)])
    video = cv2.VideoCapture(str(tmp_path / 'videos/x.mp4'))
    pictures = []
    while (read := video.read())[0]:
        pictures.append(read[1])
    assert [picture.shape for picture in pictures] == [(64, 96, 3)] * 4
    expected = np.stack(list(overlays(torch.from_numpy(frames), masks)))
    # The second square, green, is greener than its surroundings.
    assert abs(np.stack(pictures).mean((1, 2)) - expected.mean((1, 2))).max() < 8

"""J&F metric for video object segmentation."""
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor

from mmguided.registry import METRICS
from mmguided.utils.mask_files import PALETTE, write_mask

from .davis import score_sequence, summarize_objects

FRAMES_PER_SECOND = 24


@METRICS.register_module()
class DAVISMetric(BaseMetric):
    """Official metrics of DAVIS-2017 in percent: ``davis/J&F-Mean``, ``davis/J-Mean``,
    ``davis/J-Recall``, ``davis/J-Decay`` and the same for F; see :mod:`mmguided.evaluation.davis`.

    Results per object are logged. The number of processes does not change the result: a sequence
    that the sampler assigns to two processes is counted once.

    Args:
        out_dir: Folder for the predictions as palette images ``SEQUENCE/FRAME.png``, the input
            format of the official toolkit.
        video_dir: Folder for videos ``SEQUENCE.mp4`` that show the predictions over the frames.
        collect_device, prefix: See BaseMetric.
    """
    default_prefix = 'davis'

    def __init__(self, out_dir: str | None = None, video_dir: str | None = None,
                 collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.out_dir = out_dir and Path(out_dir).expanduser()
        self.video_dir = video_dir and Path(video_dir).expanduser()

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score sequences, and write predictions and videos if requested."""
        for frames, sample in zip(data_batch['inputs'], data_samples, strict=True):
            sequence, masks = sample['sequence'], sample['pred_masks']
            self.results.append((sequence, score_sequence(masks, sample['gt_masks'])))
            if self.out_dir:
                for name, mask in zip(sample['frame_names'], masks, strict=True):
                    write_mask(self.out_dir / sequence / f'{name}.png', mask)
            if self.video_dir:
                self.video_dir.mkdir(parents=True, exist_ok=True)
                writer = cv2.VideoWriter(
                    str(self.video_dir / f'{sequence}.mp4'), cv2.VideoWriter_fourcc(*'mp4v'),
                    FRAMES_PER_SECOND, masks.shape[:0:-1])
                for picture in overlays(frames, masks):
                    writer.write(np.ascontiguousarray(picture))
                writer.release()

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Means over all objects, in percent."""
        objects, total = summarize_objects(dict(results))
        print_log(_table(objects), logger='current')
        return {name: 100 * value for name, value in total.items()}


def _table(objects: dict[str, dict[str, float]]) -> str:
    """Text table with one line per object, in percent."""
    width = max(map(len, objects))
    columns = list(next(iter(objects.values())))
    lines = [f'{"object":{width}}  ' + '  '.join(f'{column:>8}' for column in columns)]
    for name, row in objects.items():
        lines.append(f'{name:{width}}  ' + '  '.join(f'{100 * row[column]:8.1f}'
                                                     for column in columns))
    return '\n'.join(['DAVIS results in percent:', *lines])


def overlays(frames: Tensor, masks: np.ndarray) -> Iterator[np.ndarray]:
    """Blend BGR frames ``(T, 3, H, W)`` with the object colors at 50 %; yield ``(H, W, 3)``."""
    for frame, mask in zip(frames.permute(0, 2, 3, 1).cpu().numpy(), masks, strict=True):
        colored = frame // 2 + PALETTE[mask][..., ::-1] // 2
        yield np.where(mask[..., None] > 0, colored, frame)

"""J&F of video object segmentation on mmengine's evaluator."""
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
    """Official measures of DAVIS-2017 in per cent: ``davis/J&F-Mean``, ``davis/J-Mean``,
    ``davis/J-Recall``, ``davis/J-Decay`` and the same of F; see :mod:`mmguided.evaluation.davis`.

    The log gets a table of the objects. Any number of processes gives the same: a sequence that
    the sampler gave to two of them counts once.

    Args:
        out_dir: Folder for the predictions as palette images ``SEQUENCE/FRAME.png``, which the
            official toolkit takes.
        video_dir: Folder for videos ``SEQUENCE.mp4`` of the frames with the predictions over them.
        collect_device: As of BaseMetric.
        prefix: As of BaseMetric.
    """
    default_prefix = 'davis'

    def __init__(self,
                 out_dir: str | None = None,
                 video_dir: str | None = None,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.out_dir = out_dir and Path(out_dir).expanduser()
        self.video_dir = video_dir and Path(video_dir).expanduser()

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Score sequences, and write what was asked for."""
        for frames, sample in zip(data_batch['inputs'], data_samples, strict=True):
            sequence, masks = sample['sequence'], sample['pred_masks']
            self.results.append((sequence, score_sequence(masks, sample['gt_masks'])))
            if self.out_dir:
                for name, mask in zip(sample['frame_names'], masks, strict=True):
                    write_mask(self.out_dir / sequence / f'{name}.png', mask)
            if self.video_dir:
                self.video_dir.mkdir(parents=True, exist_ok=True)
                _write_video(self.video_dir / f'{sequence}.mp4', overlays(frames, masks))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The means over all objects."""
        objects, total = summarize_objects(dict(results))
        print_log(_table(objects), logger='current')
        return {name: 100 * value for name, value in total.items()}


def _table(objects: dict[str, dict[str, float]]) -> str:
    """A line for each object, in per cent."""
    width = max(map(len, objects))
    columns = list(next(iter(objects.values())))
    lines = [f'{"object":{width}}  ' + '  '.join(f'{column:>8}' for column in columns)]
    for name, row in objects.items():
        lines.append(f'{name:{width}}  ' + '  '.join(f'{100 * row[column]:8.1f}'
                                                     for column in columns))
    return '\n'.join(['DAVIS, in per cent:', *lines])


def overlays(frames: Tensor, masks: np.ndarray) -> Iterator[np.ndarray]:
    """Frames ``(T, 3, H, W)``, BGR, half covered by the colors of their objects, as arrays
    ``(H, W, 3)``."""
    for frame, mask in zip(frames.permute(0, 2, 3, 1).cpu().numpy(), masks, strict=True):
        colored = frame // 2 + PALETTE[mask][..., ::-1] // 2
        yield np.where(mask[..., None] > 0, colored, frame)


def _write_video(path: Path, pictures: Iterator[np.ndarray]) -> None:
    writer = None
    for picture in pictures:
        if writer is None:
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'),
                                     FRAMES_PER_SECOND, picture.shape[1::-1])
        writer.write(np.ascontiguousarray(picture))
    writer.release()

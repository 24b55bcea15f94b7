"""Video object segmentation with a frozen encoder."""
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample
from torch import Tensor

from mmguided.models.backbones import Encoder
from mmguided.ops import propagate_through_video
from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError
from mmguided.utils.mask_files import count_objects

from .frozen import FrozenEncoder


@MODELS.register_module()
class LabelPropagation(FrozenEncoder):
    """Propagate the first frame's annotation through a video by patch similarity.

    The annotation of the first frame is reduced to the patch grid (each patch gets the label at its
    center) and propagated by :func:`mmguided.ops.propagate_through_video`. The soft labels of a
    frame are upsampled bilinearly, the map of each object is scaled to [0, 1], and each pixel gets
    the object with the largest value (Jabri et al., "Space-Time Correspondence as a Contrastive
    Random Walk", NeurIPS 2020; DINO's evaluation). There is no training.

    Args:
        backbone: Encoder of mmguided. Its last output is used, a map ``(B, D, h, w)``.
        short_side: Short side of the encoder's input in pixels; both sides are rounded to whole
            patches.
        num_last_frames: Number of preceding frames that are references, besides the first frame.
        radius: Largest distance between a patch and its neighbors, in rows and in columns.
        topk: Number of neighbors.
        temperature: Temperature of the neighbor weights, ``exp(cosine / temperature)``.
        frames_per_batch: Batch size of the encoder; it does not change the result.
        data_preprocessor, init_cfg: See ImageClassifier.

    Raises:
        ConfigError: If an argument is out of range, or the encoder does not return a feature map.
    """

    def __init__(self, backbone: dict, short_side: int = 480, num_last_frames: int = 7,
                 radius: int = 12, topk: int = 5, temperature: float = 0.1,
                 frames_per_batch: int = 4, data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(backbone=backbone, data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        for name, value, least in (
                ('short_side', short_side, 1), ('num_last_frames', num_last_frames, 0),
                ('radius', radius, 0), ('topk', topk, 1),
                ('frames_per_batch', frames_per_batch, 1)):
            if not isinstance(value, int) or value < least:
                raise ConfigError(f'model.{name}={value}: invalid. Give an integer >= {least}.')
        if temperature <= 0:
            raise ConfigError(f'model.temperature={temperature}: must be positive. Set 0.1.')
        if not isinstance(self.backbone, Encoder):
            raise ConfigError(f'model.backbone.type={type(self.backbone).__name__}: unknown patch '
                              "size. Choose an encoder such as type='mmguided.MaskedViT'.")
        if getattr(self.backbone, 'out_type', 'featmap') != 'featmap':
            raise ConfigError(f'model.backbone.out_type={self.backbone.out_type!r}: not a feature '
                              "map. Set 'featmap'.")
        self.short_side = short_side
        self.frames_per_batch = frames_per_batch
        self.settings = dict(num_last_frames=num_last_frames, radius=radius, topk=topk,
                             temperature=temperature)

    def test_step(self, data: dict) -> list[DataSample]:
        """Predict. :meth:`features` runs the data preprocessor on batches of frames."""
        return self.predict(data['inputs'], data['data_samples'])

    def predict(self, inputs: Sequence[Tensor],
                data_samples: Sequence[DataSample]) -> list[DataSample]:
        """Add ``pred_masks`` ``(T, H, W)``, an array of object indices like ``gt_masks``.

        Args:
            inputs: Frames ``(T, 3, H, W)`` of each sequence, as read from the files.
            data_samples: Samples with ``gt_masks``; only the first mask is used.
        """
        for frames, sample in zip(inputs, data_samples, strict=True):
            masks = [sample.gt_masks[0], *self.segment(frames, sample.gt_masks[0])]
            sample.set_field(np.stack(masks), 'pred_masks')
        return list(data_samples)

    def segment(self, frames: Tensor, first_mask: np.ndarray) -> Iterator[np.ndarray]:
        """Predict masks ``(H, W)``, uint8, of the frames ``(T, 3, H, W)`` except the first."""
        channels = count_objects(first_mask) + 1
        grid = [side // self.backbone.patch_size for side in self.input_size(*first_mask.shape)]
        labels = torch.from_numpy(np.where(first_mask < channels, first_mask, 0))
        labels = F.interpolate(labels[None, None].float(), grid, mode='nearest-exact')[0, 0]
        labels = F.one_hot(labels.long(), channels).to(self.data_preprocessor.device)
        for found in propagate_through_video(self.features(frames), labels, **self.settings):
            yield _to_mask(found, first_mask.shape)

    @torch.no_grad()
    def features(self, frames: Tensor) -> Iterator[Tensor]:
        """Features ``(h, w, D)`` of each frame of ``(T, 3, H, W)``."""
        size = self.input_size(*frames.shape[-2:])
        for batch in frames.split(self.frames_per_batch):
            batch = batch.to(self.data_preprocessor.device).float()
            batch = F.interpolate(batch, size, mode='bilinear')
            inputs = self.data_preprocessor(dict(inputs=batch), False)['inputs']
            yield from self.extract_feat(inputs)[-1].permute(0, 2, 3, 1)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Input height and width of the encoder for a frame of this size."""
        scale, patch = self.short_side / min(height, width), self.backbone.patch_size
        return tuple(max(1, round(side * scale / patch)) * patch for side in (height, width))


def _to_mask(labels: Tensor, size: tuple[int, int]) -> np.ndarray:
    """Object with the largest map at each pixel, ``size`` uint8, from ``(h, w, C)``."""
    maps = F.interpolate(labels.permute(2, 0, 1)[None], size, mode='bilinear')[0]
    lowest, highest = (f(maps, dim=(1, 2), keepdim=True) for f in (torch.amin, torch.amax))
    # The constant map of a lost object becomes 0.
    maps = (maps - lowest) / (highest - lowest).clamp_min(torch.finfo(maps.dtype).tiny)
    return maps.argmax(dim=0).byte().cpu().numpy()

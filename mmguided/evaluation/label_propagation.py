"""Video object segmentation by a frozen encoder on mmpretrain's runner."""
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
    """Follows the objects of a video's first frame by the similarity of patch features.

    The annotation of the first frame, reduced to the grid of patches (each takes the label at its
    center), is carried from frame to frame by :func:`mmguided.ops.propagate_through_video`. The
    soft labels of a frame are enlarged bilinearly, the map of each object is scaled to [0, 1], and
    a pixel belongs to the largest (Jabri et al., "Space-Time Correspondence as a Contrastive Random
    Walk", NeurIPS 2020; DINO's evaluation). Nothing is trained.

    Args:
        backbone: An encoder of mmguided; its last output is used, a map ``(B, D, h, w)``.
        short_side: Shorter side of the frames that the encoder sees, in pixels; both sides are
            then rounded to whole patches.
        num_last_frames: References beside the first frame: so many before the current one.
        radius: Rows and columns between a patch and its neighbors, at most.
        topk: Neighbors that count.
        temperature: Of their weights, ``exp(cosine / temperature)``.
        frames_per_batch: Frames that the encoder takes at once; does not change the result.
        data_preprocessor: As of ImageClassifier.
        init_cfg: As of ImageClassifier.

    Raises:
        ConfigError: If a number is out of range, or the encoder gives no map of features.
    """

    def __init__(self,
                 backbone: dict,
                 short_side: int = 480,
                 num_last_frames: int = 7,
                 radius: int = 12,
                 topk: int = 5,
                 temperature: float = 0.1,
                 frames_per_batch: int = 4,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(backbone=backbone, data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        for name, value, least in (
                ('short_side', short_side, 1), ('num_last_frames', num_last_frames, 0),
                ('radius', radius, 0), ('topk', topk, 1),
                ('frames_per_batch', frames_per_batch, 1)):
            if not isinstance(value, int) or value < least:
                raise ConfigError(f'model.{name}={value}: give an integer of at least {least}')
        if temperature <= 0:
            raise ConfigError(f'model.temperature={temperature} must be positive')
        if not isinstance(self.backbone, Encoder):
            raise ConfigError(f'model.backbone.type={type(self.backbone).__name__} does not tell '
                              "its patch size: choose an encoder such as type='mmguided.MaskedViT'")
        if getattr(self.backbone, 'out_type', 'featmap') != 'featmap':
            raise ConfigError(f'model.backbone.out_type={self.backbone.out_type!r} gives no map of '
                              "features: set 'featmap'")
        self.short_side = short_side
        self.frames_per_batch = frames_per_batch
        self.settings = dict(num_last_frames=num_last_frames, radius=radius, topk=topk,
                             temperature=temperature)

    def test_step(self, data: dict) -> list[DataSample]:
        """Predict; the frames go through the data preprocessor batch by batch, later on."""
        return self.predict(data['inputs'], data['data_samples'])

    def predict(self,
                inputs: Sequence[Tensor],
                data_samples: Sequence[DataSample]) -> list[DataSample]:
        """Add ``pred_masks`` ``(T, H, W)``, an array of indexes like ``gt_masks``.

        Args:
            inputs: The frames ``(T, 3, H, W)`` of each sequence, as read from the files.
            data_samples: With ``gt_masks``, of which the first is used.
        """
        for frames, sample in zip(inputs, data_samples, strict=True):
            masks = [sample.gt_masks[0], *self.segment(frames, sample.gt_masks[0])]
            sample.set_field(np.stack(masks), 'pred_masks')
        return list(data_samples)

    def segment(self, frames: Tensor, first_mask: np.ndarray) -> Iterator[np.ndarray]:
        """Masks ``(H, W)``, uint8, of all frames but the first of ``(T, 3, H, W)``."""
        channels = count_objects(first_mask) + 1
        grid = [side // self.backbone.patch_size for side in self.input_size(*first_mask.shape)]
        labels = torch.from_numpy(np.where(first_mask < channels, first_mask, 0))
        labels = F.interpolate(labels[None, None].float(), grid, mode='nearest-exact')[0, 0]
        labels = F.one_hot(labels.long(), channels).to(self.data_preprocessor.device)
        for found in propagate_through_video(self.features(frames), labels, **self.settings):
            yield _to_mask(found, first_mask.shape)

    @torch.no_grad()
    def features(self, frames: Tensor) -> Iterator[Tensor]:
        """Features ``(h, w, D)`` of each of the frames ``(T, 3, H, W)``."""
        size = self.input_size(*frames.shape[-2:])
        for batch in frames.split(self.frames_per_batch):
            batch = batch.to(self.data_preprocessor.device).float()
            batch = F.interpolate(batch, size, mode='bilinear')
            inputs = self.data_preprocessor(dict(inputs=batch), False)['inputs']
            yield from self.extract_feat(inputs)[-1].permute(0, 2, 3, 1)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that the encoder sees of a frame of this size."""
        scale, patch = self.short_side / min(height, width), self.backbone.patch_size
        return tuple(max(1, round(side * scale / patch)) * patch for side in (height, width))


def _to_mask(labels: Tensor, size: tuple[int, int]) -> np.ndarray:
    """Indexes ``size``, uint8, of the object whose map is the largest, from ``(h, w, C)``."""
    maps = F.interpolate(labels.permute(2, 0, 1)[None], size, mode='bilinear')[0]
    lowest, highest = (f(maps, dim=(1, 2), keepdim=True) for f in (torch.amin, torch.amax))
    # A map that is the same everywhere, of an object that is lost, becomes 0.
    maps = (maps - lowest) / (highest - lowest).clamp_min(torch.finfo(maps.dtype).tiny)
    return maps.argmax(dim=0).byte().cpu().numpy()

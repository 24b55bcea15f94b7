"""Base class of the teachers."""
import hashlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.ops import gather_tokens
from mmguided.structures import Observation, PatchMask, Wants
from mmguided.utils.errors import ConfigError

from ..backbones.base import Encoder


class Teacher(Encoder, BaseModule):
    """Frozen encoder that takes the student's images and returns outputs on the student's patch
    grid.

    Subclasses implement :meth:`encode`. The frozen model is not a submodule: the optimizer,
    DistributedDataParallel and checkpoints do not contain it. A checkpoint contains the hash of its
    weights instead; loading a checkpoint with another hash raises ConfigError.

    Args:
        model: Frozen model.
        img_size: Input size ``(height, width)`` of the model; images are resized to it.
        mean, std: Normalization of the model, one value per channel, for RGB pixels in [0, 1].
        embed_dims: Token width.
        num_layers: Depth.
        patch_size: Side of the student's patches in pixels; set by the algorithm.
        pixel_mean, pixel_std: Normalization of the student, for RGB pixels in [0, 255]; set by the
            algorithm.

    Raises:
        ConfigError: If teacher and student have different numbers of channels. Images of one
            channel are accepted; the channel is repeated.
    """
    has_cls_token = True
    observable = ('tokens', 'attention')

    def __init__(self, model: nn.Module, img_size: tuple[int, int], mean: Sequence[float],
                 std: Sequence[float], embed_dims: int, num_layers: int, patch_size: int,
                 pixel_mean: Sequence[float], pixel_std: Sequence[float]) -> None:
        super().__init__()
        if len(pixel_mean) not in (1, len(mean)):
            raise ConfigError(f'model.teacher: takes {len(mean)} channels, but the images have '
                              f'{len(pixel_mean)}. Set model.teacher=None, and another guidance '
                              'and target.')
        # Bypass nn.Module.__setattr__, which would register a submodule.
        object.__setattr__(self, 'model', model.eval().requires_grad_(False))
        self.img_size = tuple(img_size)
        self.embed_dims = embed_dims
        self.num_layers = num_layers
        self.patch_size = patch_size
        mean, std = torch.tensor(mean), torch.tensor(std)
        pixel_mean, pixel_std = torch.tensor(pixel_mean) / 255, torch.tensor(pixel_std) / 255
        # Convert the student's normalization to the teacher's: x -> x * scale + shift.
        for name, value in (('scale', pixel_std / std), ('shift', (pixel_mean - mean) / std)):
            self.register_buffer(name, value.view(1, -1, 1, 1), persistent=False)
        self.register_buffer('weights_sha256', _sha256(model))

    def encode(self, images: Tensor, wants: Wants) -> tuple[Observation, tuple[int, int]]:
        """Return the outputs requested by resolved ``wants`` from one forward of the model.

        Args:
            images: ``(B, C, *img_size)``, with the model's normalization.

        Returns:
            Observation on the model's patch grid, and that grid ``(h, w)``.
        """
        raise NotImplementedError

    @torch.no_grad()
    def observe(self, images: Tensor, wants: Wants, mask: PatchMask | None = None) -> Observation:
        """Return the outputs requested by ``wants`` from one forward on the unmasked images,
        resampled to the student's grid and restricted to the patches that ``mask`` keeps. The sum
        of the attention is preserved."""
        grid = self.patch_grid(images)
        images = images * self.scale + self.shift
        if images.shape[-2:] != self.img_size:
            images = F.interpolate(images, self.img_size, mode='bicubic', antialias=True)
        seen, theirs = self.encode(images, wants.resolve(self.num_layers))
        share = theirs[0] * theirs[1] / (grid[0] * grid[1])

        def on_grid(values: Tensor) -> Tensor:
            values = _resample(values, theirs, grid)
            return values if mask is None else gather_tokens(values, mask.ids_keep)

        return Observation(
            self.num_layers,
            None if seen.tokens is None else torch.cat(
                (seen.tokens[:, :1], on_grid(seen.tokens[:, 1:])), dim=1),
            {(layer, softmax): on_grid(row[..., None])[..., 0] * (1 if softmax is None else share)
             for (layer, softmax), row in seen.attention.items()},
            {layer: on_grid(relation) for layer, relation in seen.relations.items()})

    def _apply(self, fn, recurse=True):
        self.model._apply(fn)  # move the model with the student
        return super()._apply(fn, recurse)

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        saved = state_dict.setdefault(f'{prefix}weights_sha256', self.weights_sha256)
        if not torch.equal(saved.cpu(), self.weights_sha256.cpu()):
            was, now = (bytes(value.tolist()).hex()[:12] for value in (saved, self.weights_sha256))
            raise ConfigError(f'model.teacher: the weights (SHA-256 {now}...) differ from those of '
                              f'the checkpoint ({was}...). Use the teacher of the checkpoint.')
        super()._load_from_state_dict(state_dict, prefix, *args)


def _sha256(model: nn.Module) -> Tensor:
    """Hash of the names and values of all weights, ``(32, )`` uint8."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)


def _resample(values: Tensor, theirs: tuple[int, int], ours: tuple[int, int]) -> Tensor:
    """Resample values ``(B, h * w, D)`` to another grid, bilinearly."""
    if theirs == ours:
        return values
    # In float32, because torch has no CPU kernel for bfloat16.
    maps = values.float().transpose(1, 2).unflatten(2, theirs)
    return F.interpolate(maps, ours, mode='bilinear', antialias=True).flatten(2).transpose(1, 2)

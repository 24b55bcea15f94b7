"""Frozen encoders that see the student's images and answer on its patch grid."""
import hashlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.structures import Observation, PatchMask, Wants
from mmguided.utils.errors import ConfigError

from ..backbones.base import Encoder


class Teacher(Encoder, BaseModule):
    """Base of the teachers. A new one implements :meth:`encode`.

    The frozen model is no submodule: it is in no optimizer, no bucket of
    DistributedDataParallel and no checkpoint. A checkpoint holds the hash of its weights instead,
    and loading one that was made with other weights is an error.

    Args:
        model: The frozen model.
        img_size: Its input, ``(height, width)`` in pixels; images are resized to it.
        mean, std: Its normalization of RGB pixels in [0, 1].
        embed_dims: Width of its tokens.
        num_layers: Its depth; attention is known of the last layer alone.
        patch_size: Side of the student's patches in pixels; algorithms fill it in, as the next.
        pixel_mean, pixel_std: The student's normalization of RGB pixels in [0, 255].

    Raises:
        ConfigError: On loading a checkpoint that was made with another teacher.
    """
    has_cls_token = True
    observable = ('tokens', 'attention')

    def __init__(self, model: nn.Module, img_size: tuple[int, int], mean: Sequence[float],
                 std: Sequence[float], embed_dims: int, num_layers: int, patch_size: int,
                 pixel_mean: Sequence[float], pixel_std: Sequence[float]) -> None:
        super().__init__()
        # Past nn.Module's own __setattr__, which would register it.
        object.__setattr__(self, 'model', model.eval().requires_grad_(False))
        self.img_size = tuple(img_size)
        self.embed_dims = embed_dims
        self.num_layers = num_layers
        self.patch_size = patch_size
        mean, std = torch.tensor(mean), torch.tensor(std)
        pixel_mean, pixel_std = torch.tensor(pixel_mean) / 255, torch.tensor(pixel_std) / 255
        # From the student's normalization to the teacher's: x -> x * scale + shift.
        for name, value in (('scale', pixel_std / std), ('shift', (pixel_mean - mean) / std)):
            self.register_buffer(name, value.view(1, 3, 1, 1), persistent=False)
        self.register_buffer('weights_sha256', _sha256(model))

    def encode(self, images: Tensor, attention: frozenset[str | None]
               ) -> tuple[Tensor, dict[str | None, Tensor], tuple[int, int]]:
        """Tokens and attention of the model's images ``(B, 3, *img_size)``.

        Args:
            images: Normalized as the model wants them.
            attention: Places of the softmax, see :func:`mmguided.ops.cls_attention_row`.

        Returns:
            Tokens ``(B, 1 + h * w, embed_dims)``, [CLS] first; attention of the last layer from
            [CLS] to the patches by place of the softmax, ``(B, h * w)``; and the grid ``(h, w)``.
        """
        raise NotImplementedError

    def check_wants(self, wants: Wants) -> None:
        super().check_wants(wants)
        if any(layer != self.num_layers - 1
               for layer, _ in wants.resolve(self.num_layers).attention):
            raise ConfigError('a teacher tells the attention of its last layer alone: set '
                              'layers=[-1]')

    @torch.no_grad()
    def observe(self, images: Tensor, wants: Wants, mask: PatchMask | None = None) -> Observation:
        """Answer ``wants`` from one forward, whatever is hidden from the student, resampled to
        the student's grid; attention keeps its sum."""
        grid = self.patch_grid(images)
        images = images * self.scale + self.shift
        if images.shape[-2:] != self.img_size:
            images = F.interpolate(images, self.img_size, mode='bicubic', antialias=True)
        tokens, rows, theirs = self.encode(
            images, frozenset(softmax for _, softmax in wants.attention))
        rows = {softmax: _resample(row[..., None], theirs, grid)[..., 0] for softmax, row in
                rows.items()}
        share = theirs[0] * theirs[1] / (grid[0] * grid[1])
        rows = {softmax: row if softmax is None else row * share for softmax, row in rows.items()}
        if mask is not None:  # the scores of those that are present
            rows = {softmax: row.gather(1, mask.ids_keep) for softmax, row in rows.items()}
        if wants.tokens:
            tokens = torch.cat((tokens[:, :1], _resample(tokens[:, 1:], theirs, grid)), dim=1)
        return Observation(
            self.num_layers, tokens if wants.tokens else None,
            {(self.num_layers - 1, softmax): row for softmax, row in rows.items()})

    def _apply(self, fn, recurse=True):
        self.model._apply(fn)  # moves with the student
        return super()._apply(fn, recurse)

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        saved = state_dict.setdefault(f'{prefix}weights_sha256', self.weights_sha256)
        if not torch.equal(saved.cpu(), self.weights_sha256.cpu()):
            was, now = (bytes(value.tolist()).hex()[:12] for value in (saved, self.weights_sha256))
            raise ConfigError(f'the checkpoint was made with a teacher of other weights (SHA-256 '
                              f'{was}...) than teacher.pretrained has ({now}...): give those')
        super()._load_from_state_dict(state_dict, prefix, *args)


def _sha256(model: nn.Module) -> Tensor:
    """Of the names and values of all weights, ``(32, )`` uint8."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)


def _resample(values: Tensor, theirs: tuple[int, int], ours: tuple[int, int]) -> Tensor:
    """Values ``(B, h * w, D)`` on another grid, bilinearly."""
    if theirs == ours:
        return values
    maps = values.transpose(1, 2).unflatten(2, theirs)
    return F.interpolate(maps, ours, mode='bilinear', antialias=True).flatten(2).transpose(1, 2)

"""Images as an observable encoder for guidance."""
from mmengine.model import ImgDataPreprocessor
from torch import Tensor

from mmguided.ops import gather_tokens, patchify
from mmguided.structures import Observation, PatchMask, Wants

from ..backbones.base import Encoder


class ImageView(Encoder):
    """Pixels of the images that the student sees, before normalization, with the channel order of
    the preprocessor."""
    observable = ('pixels', )

    def __init__(self, encoder: Encoder, preprocessor: ImgDataPreprocessor) -> None:
        self.preprocessor = preprocessor
        self.patch_size = encoder.patch_size
        self.patch_resolution = encoder.patch_resolution
        self.num_layers = 0

    def observe(self, images: Tensor, wants: Wants, mask: PatchMask | None = None) -> Observation:
        """Return the pixels of all patches, or of the patches that ``mask`` keeps."""
        # A preprocessor without normalization has no mean and std.
        mean, std = (getattr(self.preprocessor, name, value)
                     for name, value in (('mean', 0), ('std', 1)))
        self.patch_grid(images)  # check the size
        pixels = patchify(images * std + mean, self.patch_size)
        if mask is not None:
            pixels = gather_tokens(pixels, mask.ids_keep)
        return Observation(0, pixels=pixels.unflatten(2, (self.patch_size**2, -1)))

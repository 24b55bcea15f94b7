"""Frames and masks of a whole video."""
import numpy as np
from mmcv import imread
from mmcv.transforms import BaseTransform

from mmguided.registry import TRANSFORMS
from mmguided.utils.errors import ConfigError
from mmguided.utils.mask_files import count_objects, read_mask


@TRANSFORMS.register_module()
class LoadVideo(BaseTransform):
    """Reads all frames of a sequence and the masks of their objects.

    Required keys: ``sequence``, ``frame_paths`` and ``mask_paths``. Added keys: ``img``, frames
    ``(T, 3, H, W)``, uint8, BGR; ``gt_masks``, indexes of objects ``(T, H, W)``, uint8. To be
    followed by ``PackInputs(algorithm_keys=('gt_masks', ), meta_keys=('sequence',
    'frame_names'))``.

    Raises:
        ConfigError: If images of a sequence differ in size, or the first annotation has no object.
    """

    def transform(self, results: dict) -> dict:
        """Adds ``img`` and ``gt_masks``."""
        masks = [read_mask(path) for path in results['mask_paths']]
        frames = [imread(path, backend='pillow') for path in results['frame_paths']]
        paths = results['frame_paths'] + results['mask_paths']
        for path, image in zip(paths, frames + masks, strict=True):
            if image.shape[:2] != masks[0].shape:
                raise ConfigError(
                    f'sequence {results["sequence"]!r}: {path!r} has {image.shape[:2]} pixels '
                    f'(height, width), and the first annotation {masks[0].shape}: give all images '
                    'of a sequence the same size')
        try:
            count_objects(masks[0])
        except ConfigError as error:
            raise ConfigError(f'sequence {results["sequence"]!r}: {error}') from error
        results['img'] = np.stack(frames).transpose(0, 3, 1, 2)
        results['gt_masks'] = np.stack(masks)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'

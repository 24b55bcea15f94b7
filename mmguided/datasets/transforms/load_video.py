"""Load the frames and masks of a video."""
import numpy as np
from mmcv.transforms import BaseTransform

from mmguided.registry import TRANSFORMS
from mmguided.utils.errors import ConfigError
from mmguided.utils.images import read_image
from mmguided.utils.mask_files import count_objects, read_mask


@TRANSFORMS.register_module()
class LoadVideo(BaseTransform):
    """Load all frames of a sequence and their object masks.

    Required keys: ``sequence``, ``frame_paths`` and ``mask_paths``. Added keys: ``img``, frames
    ``(T, 3, H, W)``, uint8, BGR; ``gt_masks``, object indices ``(T, H, W)``, uint8. The next
    transform is ``PackInputs(algorithm_keys=('gt_masks', ), meta_keys=('sequence',
    'frame_names'))``.

    Raises:
        ConfigError: If the images of a sequence differ in size, or the first annotation has no
            object.
    """

    def transform(self, results: dict) -> dict:
        """Add ``img`` and ``gt_masks``."""
        field = f'sequence={results["sequence"]!r}'
        masks = [read_mask(path) for path in results['mask_paths']]
        frames = [np.asarray(read_image(path, f'{field}, frame'))[..., ::-1]
                  for path in results['frame_paths']]
        paths = results['frame_paths'] + results['mask_paths']
        for path, image in zip(paths, frames + masks, strict=True):
            if image.shape[:2] != masks[0].shape:
                raise ConfigError(f'{field}: {path!r} has size {image.shape[:2]}, but the first '
                                  f'annotation has size {masks[0].shape} (height, width). Give '
                                  'images of equal size.')
        try:
            count_objects(masks[0])
        except ConfigError as error:
            raise ConfigError(f'{field}: {error}') from None
        results['img'] = np.stack(frames).transpose(0, 3, 1, 2)
        results['gt_masks'] = np.stack(masks)
        return results

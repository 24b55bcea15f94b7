"""Load an image file."""
from io import BytesIO

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from PIL import Image

from mmguided.registry import TRANSFORMS
from mmguided.utils.images import to_rgb


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """Load an image file as 8-bit BGR with the conversion of all tools, see
    :func:`mmguided.utils.images.to_rgb`.

    Required key: ``img_path``. Added keys: ``img``, ``(H, W, 3)``, uint8, BGR; ``img_shape`` and
    ``ori_shape``, (height, width). The pixels are those of
    ``LoadImageFromFile(imdecode_backend='pillow')``, except that an alpha channel is also dropped
    from gray images, and that values above 8 bits raise an error instead of being clipped.

    Args:
        backend_args (dict, optional): Storage backend, see :func:`mmengine.fileio.get`.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        super().__init__(imdecode_backend='pillow', backend_args=backend_args)

    def transform(self, results: dict) -> dict:
        """Add ``img``, ``img_shape`` and ``ori_shape``.

        Raises:
            ValueError: If the values do not fit into 8 bits; see Pillow for other errors.
        """
        content = fileio.get(results['img_path'], backend_args=self.backend_args)
        with Image.open(BytesIO(content)) as image:
            results['img'] = np.asarray(to_rgb(image))[..., ::-1]
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results

"""Color augmentation of mmpretrain, computed by OpenCV."""
import cv2
import mmcv
import mmpretrain.datasets
import numpy as np

from mmguided.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ColorJitter(mmpretrain.datasets.ColorJitter):
    """mmpretrain's ``ColorJitter`` with ``backend='cv2'``, but with fast brightness and contrast.

    The random draws equal those of mmpretrain. Brightness and contrast differ by at most 1 of 255.

    Required and modified key: ``img``, an array ``(H, W, 3)``, uint8, BGR.

    Args:
        brightness, contrast, saturation (float | Sequence[float]): Range of the factor, or its
            largest distance from 1. Defaults to 0.
        hue (float | Sequence[float]): Range of the shift, within [-.5, .5], or the largest shift.
            Defaults to 0.
    """

    def __init__(self, brightness=0., contrast=0., saturation=0., hue=0.) -> None:
        super().__init__(brightness, contrast, saturation, hue, backend='cv2')

    def transform(self, results: dict) -> dict:
        """Change brightness, contrast, saturation and hue in random order."""
        image = results['img']
        order, brightness, contrast, saturation, hue = self._rand_params()
        for index in order:
            if index == 0 and brightness is not None:
                image = _blend(image, brightness, 0)
            elif index == 1 and contrast is not None:
                image = _blend(image, contrast, round(mmcv.bgr2gray(image).mean()))
            elif index == 2 and saturation is not None:
                image = mmcv.adjust_color(image, saturation, backend='cv2')
            elif index == 3 and hue is not None:
                image = mmcv.adjust_hue(image, hue, backend='cv2')
        results['img'] = image
        return results


def _blend(image: np.ndarray, factor: float, value: int) -> np.ndarray:
    """Blend an image with a uniform gray value."""
    table = np.arange(256) * factor + value * (1 - factor)
    return cv2.LUT(image, table.clip(0, 255).astype(np.uint8))


@TRANSFORMS.register_module()
class GaussianBlur(mmpretrain.datasets.GaussianBlur):
    """mmpretrain's ``GaussianBlur`` by OpenCV, which is ten times as fast as Pillow.

    Arguments and random draws equal those of mmpretrain. Pillow approximates the Gaussian by three
    box blurs; the pixels of photographs differ by less than 1 of 255 on average.

    Required and modified key: ``img``, an array ``(H, W, C)``, uint8.
    """

    def transform(self, results: dict) -> dict:
        """Blur the image with probability ``prob``."""
        if not self.random_disable():
            sigma = self.random_magnitude() if self.radius is None else self.radius
            results['img'] = cv2.GaussianBlur(
                results['img'], (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        return results

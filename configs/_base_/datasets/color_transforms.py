"""Color augmentation of the target view of CMAE, as in its released code. Images are BGR."""
color_jitter = dict(
    type='RandomApply',
    prob=0.8,
    transforms=[
        dict(
            type='mmguided.ColorJitter', brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
    ])
# An image without saturation is gray, with the weights (0.114, 0.587, 0.299).
grayscale = dict(
    type='RandomApply',
    prob=0.2,
    transforms=[dict(type='mmguided.ColorJitter', saturation=(0.0, 0.0))])
# magnitude_std='inf' draws sigma uniformly from the range.
gaussian_blur = dict(
    type='mmguided.GaussianBlur', prob=0.5, magnitude_range=(0.1, 2.0), magnitude_std='inf')

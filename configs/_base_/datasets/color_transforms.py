"""Color augmentation of the target view of CMAE, as in its released code. Images are BGR."""
# OpenCV, because the jitter of Pillow is slower and warns in every worker in every epoch.
color_jitter = dict(
    type='RandomApply',
    prob=0.8,
    transforms=[
        dict(
            type='ColorJitter',
            brightness=0.4,
            contrast=0.4,
            saturation=0.4,
            hue=0.1,
            backend='cv2')
    ])
grayscale = dict(
    type='RandomGrayscale', prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.299))

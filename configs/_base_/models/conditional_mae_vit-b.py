"""Conditional MAE with ViT-B/16: MAE with the best shots of the paper, L(0, 10; .75, .1)."""
_base_ = ['./mae_vit-b.py']

model = dict(
    type='mmguided.ConditionalMAE',
    mask_generator=dict(mask_ratio=None, shots=((0, 0.75), (10, 0.1))))

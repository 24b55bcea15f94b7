"""Small models, and comparison with the released codes."""
import torch

from mmguided.registry import MODELS


def released_state(numbers: dict, prefix: str = 'state_dict.') -> dict:
    return {k.removeprefix(prefix): v for k, v in numbers.items() if k.startswith(prefix)}


def build(algorithm: str, geometry: dict, **parts):
    """An algorithm of a golden file's size, in train mode as the released code was."""
    cfg = dict(
        type=f'mmguided.{algorithm}',
        backbone=dict(
            type='mmguided.MaskedViT',
            arch=dict(
                embed_dims=geometry['dim'],
                num_layers=geometry['depth'],
                num_heads=geometry['heads'],
                feedforward_channels=4 * geometry['dim']),
            img_size=geometry['img'],
            patch_size=geometry['patch']),
        mask_generator=dict(type='mmguided.MaskGenerator'),
        neck=dict(
            type='mmguided.MAEDecoder',
            embed_dims=geometry['ddim'],
            depth=geometry['ddepth'],
            num_heads=geometry['dheads']),
        target_generator=dict(type='mmguided.PixelTarget'),
        head=dict(type='mmguided.ReconstructionHead'))
    cfg.update(parts)
    return MODELS.build(cfg).train()


def grad_norms(model) -> dict:
    """L2 norm of each parameter's gradient, of those that have one."""
    return {k: p.grad.norm() for k, p in model.named_parameters() if p.grad is not None}


def assert_close(ours, released, msg=None):
    """Equal to 1e-4 relative; entries near zero, relative to the tensor's root mean square."""
    rms = released.square().mean().sqrt().item()
    torch.testing.assert_close(
        ours, released, rtol=1e-4, atol=1e-4 * rms, msg=msg and (lambda m: f'{msg}: {m}'))

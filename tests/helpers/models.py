"""Small models, and comparison with released codes."""
from types import SimpleNamespace

import torch

from mmguided.registry import MODELS
from mmguided.structures import Clock, PatchMask, Wants

# These biases are the same for all images, and the next batch normalization removes them.
REMOVED_BY_BATCH_NORM = ('feature_decoder.ln1.bias', 'feature_head.norm.bias',
                         'feature_head.decoder_pred.bias', 'projector.fc0.bias',
                         'contrast_head.predictor.fc0.bias')


def released_state(numbers: dict, prefix: str = 'state_dict.') -> dict:
    return {k.removeprefix(prefix): v for k, v in numbers.items() if k.startswith(prefix)}


def released_norms(numbers: dict, convert, prefix: str = 'grad_norm.') -> dict:
    """Gradient norms of the released code by our names; ``convert`` renames its weights."""
    norms, without = released_state(numbers, prefix), torch.tensor(-1.)
    norms = convert({name: norms.get(name, without) for name in released_state(numbers)})
    return {name: norm for name, norm in norms.items() if norm >= 0}


def recorded_mask(model, numbers: dict) -> PatchMask:
    """Mask with the recorded ids."""
    return patch_mask(
        numbers['ids_restore'], num_visible(numbers), model.backbone.patch_resolution)


def patch_grid(geometry: dict) -> tuple[int, int]:
    """Patches ``(h, w)`` of the square images of a golden file."""
    return (geometry['img'] // geometry['patch'], ) * 2


def num_visible(numbers: dict) -> int:
    """Visible patches per image of a golden file."""
    visible, = (numbers['mask'] == 0).sum(dim=1).unique().tolist()
    return visible


def mask_ratio(numbers: dict, geometry: dict, usual: float) -> float:
    """Mask ratio of a golden file, per unit (patch or block) of noise: the stated ratio, or the
    default of the released code, or the exact ratio."""
    units, share = numbers['noise'].shape[1], num_visible(numbers) / numbers['mask'].shape[1]
    is_usual = int(units * (1 - usual) + 1e-6) == round(units * share)
    return geometry.get('mask_ratio', usual if is_usual else 1 - share)


def build(algorithm: str, geometry: dict, **parts):
    """Build an algorithm of the size of a golden file, in train mode."""
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
    """L2 norms of all gradients, by parameter name."""
    return {k: p.grad.norm() for k, p in model.named_parameters() if p.grad is not None}


def assert_close(ours, released, msg=None):
    """Compare to 1e-4 relative; entries near zero relative to the tensor's root mean square."""
    rms = released.square().mean().sqrt().item()
    torch.testing.assert_close(
        ours, released, rtol=1e-4, atol=1e-4 * rms, msg=msg and (lambda m: f'{msg}: {m}'))


def total(losses):
    """Sum of the losses."""
    return sum(v for k, v in losses.items() if k.startswith('loss'))


def make_mask(model, images):
    """Mask and log scalars of an algorithm for a batch."""
    return model.make_mask(images, model.observe(images))


def generate(masks, images, grid, encoders=None, noise=None, epoch=0.):
    """Mask and log scalars of a mask generator at an epoch."""
    clock, encoders = Clock(), encoders or {}
    clock.set(epoch)
    observations = {name: encoders[name].observe(images, wants)
                    for name, wants in masks.wants(clock).items()}
    return masks(images, grid, observations, encoders, clock, noise)


def patch_mask(priority, keep, grid=None):
    """Mask of one shot; the default grid is one row of patches."""
    ids = priority.argsort(dim=1, stable=True)
    return PatchMask.from_ids(ids, ((0, keep), ), grid or (1, priority.shape[1]))


def cls_attention(encoder, images, layers=None, softmax='heads', mask=None):
    """[CLS]-to-patch attention ``(layers, B, n)`` of an encoder."""
    asked = (None, ) if layers is None else layers
    wants = Wants(attention=frozenset((layer, softmax) for layer in asked))
    return encoder.observe(images, wants, mask).cls_attention(layers, softmax)


def tokens(encoder, images, mask=None):
    """Output tokens ``(B, 1 + n, D)`` of an encoder."""
    return encoder.observe(images, Wants(tokens=True), mask).tokens


def predict(model, latent, mask):
    """Predictions ``(B, L, D)`` of the model's decoder and head."""
    return model.head.predict(model.decode(latent, mask))


def expand(patches, grid, side):
    """Expand values per patch ``(B, L)`` to pixels ``(B, 1, H, W)``."""
    patches = patches.view(len(patches), 1, *grid)
    return patches.repeat_interleave(side, 2).repeat_interleave(side, 3)


def pixels_that_reach(model, images, mask):
    """Pixels on which the latents of masked images depend, ``(B, 1, H, W)``, bool."""
    images = images.clone().requires_grad_()
    model(images, mask).square().sum().backward()
    return images.grad.abs().amax(1, keepdim=True) > 0


def gradients_in_two_precisions(model, batch, vanishing=()):
    """Norms of all gradients in float32 and under bfloat16 autocast, with the same masks. Exactly
    the trained parameters must have a gradient, which is not 0 except for ``vanishing`` parameters;
    these are excluded.
    """
    trained, norms = {k for k, p in model.named_parameters() if p.requires_grad}, []
    for enabled in (False, True):
        model.zero_grad()
        torch.manual_seed(1)
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            losses = model.loss(batch)
        total(losses).backward()
        norms.append(grad_norms(model))
        assert norms[-1].keys() == trained
        norms[-1] = {k: norm for k, norm in norms[-1].items() if k not in vanishing}
        assert all(norm.isfinite() and norm > 0 for norm in norms[-1].values()), norms[-1]
    return norms


def images_only(patch_size):
    """Encoders for targets that need only the patch size."""
    return dict(student=SimpleNamespace(patch_size=patch_size, in_channels=3))


def as_trained(model, scale=.1):
    """Perturb all parameters, because zeros and ones could hide a leak."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return model


SMALL = dict(img=32, patch=8, dim=32, depth=2, heads=2, ddim=16, ddepth=1, dheads=2)
GUIDED = dict(
    type='mmguided.MaskGenerator',
    sampling=dict(type='mmguided.ImportanceSampling'),
    guidance=dict(type='mmguided.ClsAttention'))
PROJECTOR = dict(
    type='mmpretrain.NonLinearNeck',
    out_channels=8,
    with_avg_pool=False,
    norm_cfg=dict(type='BN1d'))
PREDICTOR = dict(
    type='mmpretrain.NonLinearNeck',
    in_channels=8,
    hid_channels=4,
    out_channels=8,
    with_avg_pool=False,
    with_last_bn=False,
    norm_cfg=dict(type='BN1d'))
NCE = dict(type='mmguided.InfoNCEHead', student_negatives=True, loss_weight=.2)
COSINE = dict(type='mmguided.CosineHead', predictor=PREDICTOR, loss_weight=.2)


def ccmim(head=NCE, img=32, **parts):
    """Small ccMIM."""
    parts = dict(mask_generator=GUIDED, projector=PROJECTOR, contrast_head=head) | parts
    model = build('CCMIM', dict(SMALL, img=img), **parts)
    model.backbone.init_weights()
    model.neck.init_weights()
    model.head.init_weights()
    return model


CMAE_SMALL = dict(img=32, patch=8, dim=32, depth=2, heads=2, ddim=16, ddepth=3, dheads=2)
MLP = dict(
    type='mmpretrain.NonLinearNeck',
    hid_channels=24,
    out_channels=8,
    with_bias=True,
    with_last_bn=False,
    with_avg_pool=False,
    norm_cfg=dict(type='mmguided.SyncBatchNorm', eps=1e-6))
CMAE_NCE = dict(
    type='mmguided.InfoNCEHead', temperature=.07, temperature_scale=True,
    predictor=dict(MLP, in_channels=8))
MOMENTUM = dict(type='mmguided.MomentumEncoder', final_norm=False)
FEATURES = dict(
    own=dict(
        feature_decoder=dict(type='mmguided.MAEDecoder', embed_dims=20, depth=2, num_heads=2),
        feature_head=dict(type='mmguided.PredictionHead')),
    shared=dict(feature_head=dict(type='mmguided.PredictionHead', block=2)),
    none={})


def cmae(decoder='own', **parts):
    """Small CMAE with an 'own', a 'shared' or no feature decoder."""
    geometry = CMAE_SMALL | parts.pop('geometry', {})
    parts = dict(
        mask_generator=dict(type='mmguided.MaskGenerator'),
        momentum_encoder=MOMENTUM,
        projector=MLP,
        contrast_head=CMAE_NCE) | FEATURES[decoder] | parts
    model = build('CMAE', geometry, **parts)
    model.init_weights()
    return model


def views(batch=6, height=32, width=32):
    """Two views of random images."""
    return [torch.randn(batch, 3, height, width) for _ in range(2)]


def square_of_maps(model):
    """Loss of a backbone that returns several maps."""
    return sum(m.square().mean() for m in model(torch.randn(2, 3, 61, 90)))


def check_checkpointing(build, saving, loss_of=square_of_maps):
    """Check that ``build(with_cp=True)`` stores less than ``1 / saving`` of the activations of
    ``loss_of(model)``, with equal gradients and RNG state."""
    runs = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        model, kept = build(with_cp=with_cp), []
        model.train()
        with torch.autograd.graph.saved_tensors_hooks(
                lambda x, kept=kept: kept.append(x.numel()) or x, lambda x: x):
            loss = loss_of(model)
        loss.backward()
        gradients = {k: p.grad for k, p in model.named_parameters() if p.requires_grad}
        runs.append((gradients, sum(kept), torch.get_rng_state()))
    (gradients, kept, state), (same, fewer, state_with_cp) = runs
    assert fewer < kept / saving
    assert torch.equal(state, state_with_cp)
    for name, gradient in gradients.items():
        assert gradient is not None and torch.equal(same[name], gradient), name

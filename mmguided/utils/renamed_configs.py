"""Names of removed and renamed configs. To be dropped at version 0.2."""
import re

from .errors import ConfigError

SMALL = '--cfg-options model.backbone.arch=small'

# Regular expression of the old path -> the new path and its options. Paths are below configs/ and
# without .py. The first match counts.
RENAMED: dict[str, str] = {
    # Pretraining
    r'(mae|ccmim|cmae|cmt_mae|self_guided_mae)/vit-s_(\d+e(?:_fresh)?)':
        rf'\1/vit-b_\2 {SMALL}',
    r'(mae|ccmim|cmae|cmt_mae)/vit-l_(\d+e)':
        r'\1/vit-b_\2 --cfg-options model.backbone.arch=large',
    r'mae/hybrid-b_800e':
        r'mae/hybrid-b_1600e --cfg-options train_cfg.max_epochs=800 param_scheduler.1.end=800',
    r'(mae|conditional_mae)/vit-b_in100_300e': r'\1/vit-b_300e_in100',
    r'(mae|conditional_mae)/vit-s_in100_300e': rf'\1/vit-b_300e_in100 {SMALL}',
    r'ccmim/ablations/base_(\d+e)': r'ccmim/vit-b_\1',
    r'ccmim/ablations/dividing_random_(\d+e)':
        r'ccmim/vit-b_\1 --cfg-options model.mask_generator.guidance=None '
        r'model.mask_generator.sampling.type=mmguided.RandomSampling',
    r'ccmim/ablations/dividing_blockwise_(\d+e)':
        r'ccmim/vit-b_\1 --cfg-options model.mask_generator.guidance=None '
        r'model.mask_generator.sampling.type=mmguided.BlockwiseSampling',
    r'ccmim/ablations/dividing_importance_(\d+e)':
        r'ccmim/vit-b_\1 --cfg-options model.mask_generator.sampling.type=mmguided.TopKSampling',
    r'ccmim/ablations/loss_nce_400e':
        r'ccmim/vit-b_400e --cfg-options optim_wrapper.optimizer.lr=1e-5',
    r'ccmim/ablations/loss_align_400e': r'ccmim/ablations/vit-b_400e_simsiam-loss',
    r'ccmim/ablations/target_hog_300e': r'ccmim/ablations/vit-b_300e_hog-target',
    r'ccmim/vit-b_800e_literal-sampling':
        r'ccmim/vit-b_800e --cfg-options model.mask_generator.sampling.log_scores=True',
    r'ccmim/vit-b_800e_two-layer-decoder': r'ccmim/vit-b_800e --cfg-options model.neck.depth=2',
    r'ccmim/guidance/sharpness_(0\.[13])':
        r'ccmim/guidance/sharpness_1.0 --cfg-options model.mask_generator.sampling.sharpness=\1',
    r'ccmim/guidance/sharpness_1\.0_ramp_hints':
        r'ccmim/guidance/sharpness_1.0_hints --cfg-options model.mask_generator.schedule.begin=0 '
        r'model.mask_generator.schedule.ramp=6',
    r'ccmim/guidance/top-k_low':
        r'ccmim/guidance/top-k --cfg-options model.mask_generator.sampling.masked=low',
    r'cmae/vit-b_(300|1600)e_released':
        r'cmae/vit-b_800e_released --cfg-options train_cfg.max_epochs=\1 param_scheduler.1.end=\1',
    r'cmae/vit-b_800e_literal-loss':
        r'cmae/vit-b_800e --cfg-options model.contrast_head.temperature_scale=False',
    r'cmae/ablations/augmentation_random-crop_300e': r'cmae/ablations/vit-b_300e_random-crop',
    r'cmae/ablations/augmentation_pixel-shift_300e':
        r'cmae/vit-b_300e --cfg-options train_dataloader.dataset.pipeline.2.target_transforms=[]',
    r'cmae/ablations/components_contrast_300e': r'cmae/ablations/vit-b_300e_contrast',
    r'cmae/ablations/loss_byol_300e': r'cmae/ablations/vit-b_300e_byol-loss',
    r'cmae/ablations/decoder_depth-0_300e':
        r'cmae/vit-b_300e --cfg-options model.feature_decoder=None model.feature_head=None',
    r'cmae/ablations/decoder_depth-(\d)_shared_300e':
        r'cmae/vit-b_300e --cfg-options model.feature_decoder=None model.feature_head.block=\1',
    r'cmae/ablations/decoder_depth-4_300e':
        r'cmae/vit-b_300e --cfg-options model.feature_decoder.depth=4',
    r'cmae/ablations/target-mask_([\d.]+)_300e':
        r'cmae/vit-b_300e --cfg-options model.target_mask_generator.type=mmguided.MaskGenerator '
        r'model.target_mask_generator.mask_ratio=\1',
    r'cmae/ablations/weight_([\d.]+)_300e':
        r'cmae/vit-b_300e --cfg-options model.contrast_head.loss_weight=\1',
    r'cmt_mae/ablations/alpha_0_800e': r'cmt_mae/ablations/vit-b_800e_alpha-0',
    r'cmt_mae/ablations/alpha_([\d.]+)_800e':
        r'cmt_mae/vit-b_800e --cfg-options model.alpha.end=\1 '
        r'model.mask_generator.guidance.weights.0.end=\1',
    r'cmt_mae/ablations/components_(masks|targets)_800e':
        r'cmt_mae/ablations/vit-b_800e_\1-only',
    r'cmt_mae/vit-b_attmask-like_800e': r'cmt_mae/vit-b_800e_attmask-like',
    r'cmt_mae/vit-b_milan-like_800e':
        r'cmt_mae/ablations/vit-b_800e_alpha-0 --cfg-options '
        r'model.mask_generator.sampling.masked=low',
    r'conditional_mae/vit-s_in100_three-shot_300e':
        rf'conditional_mae/vit-b_300e_in100 {SMALL} '
        r'model.mask_generator.shots="((0,.75),(10,.1),(11,.1))"',
    r'conditional_mae/vit-s_in100_ratio-weights_300e':
        rf'conditional_mae/vit-b_300e_in100 {SMALL} '
        r'model.mask_generator.shots="((0,.75),(10,.15))" model.shot_weights=ratio',
    r'conditional_mae/(swin|convnextv2)-b_(one|two)-shot_(\d+e)':
        r'conditional_mae/\1-b_\3_\2-shot',
    r'self_guided_mae/ablations/hint_none_400e': r'self_guided_mae/ablations/vit-b_400e_no-hints',
    r'self_guided_mae/ablations/hint_relevance_400e':
        r'self_guided_mae/vit-b_400e --cfg-options '
        r'model.mask_generator.sampling.choice=proportional',
    r'self_guided_mae/ablations/layer_enc3_400e':
        r'self_guided_mae/vit-b_400e --cfg-options '
        r'model.mask_generator.guidance.guidance.layer=2',
    r'self_guided_mae/ablations/layer_enc7_400e':
        r'self_guided_mae/vit-b_400e --cfg-options '
        r'model.mask_generator.guidance.guidance.layer=6',
    r'self_guided_mae/ablations/layer_dec8_400e':
        r'self_guided_mae/vit-b_400e --cfg-options '
        r'model.mask_generator.guidance.guidance.source=decoder '
        r'model.mask_generator.guidance.guidance.layer=-1',
    r'self_guided_mae/ablations/cluster_background_400e':
        r'self_guided_mae/vit-b_400e --cfg-options '
        r'model.mask_generator.guidance.guidance.cluster=background',
    r'self_guided_mae/ablations/cluster_alternating_400e':
        r'self_guided_mae/vit-b_400e_fresh --cfg-options '
        r'model.mask_generator.guidance.cluster=alternating',
    r'self_guided_mae/ablations/ratio_([\d.]+)_400e':
        r'self_guided_mae/vit-b_400e --cfg-options model.mask_generator.mask_ratio=\1 '
        r'default_hooks.exploitation.mask_ratio=\1',
    # Benchmarks
}


def renamed(name: str) -> str | None:
    """Return the current path and options of a config that has been removed or renamed.

    Args:
        name: Path of a config, or its name in :func:`mmguided.list_models`.

    Returns:
        For example ``'configs/ccmim/vit-b_300e.py --cfg-options model.backbone.arch=small'``; None
        if the table does not have it.
    """
    old = re.sub(r'^.*(configs/|::)', '', name).removesuffix('.py')
    for pattern, new in RENAMED.items():
        match = re.fullmatch(pattern, old) or re.fullmatch(pattern.replace('/', '_'), old)
        if match:
            path, *options = match.expand(new).split(' ', 1)
            return ' '.join([f'configs/{path}.py', *options])
    return None


def check_renamed(field: str, name: str) -> None:
    """Raise ConfigError with the new path if a config has been removed or renamed."""
    if new := renamed(name):
        raise ConfigError(f'{field}={name!r}: this config was renamed. Use {new}')

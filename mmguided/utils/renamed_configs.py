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
    'benchmarks/imagenet/vit-b_knn_(1|10)percent': (
        'benchmarks/imagenet/vit-b_knn --cfg-options '
        r'model.bank_dataloader.dataset.ann_file=subsets/train_\1percent.txt'),
    'benchmarks/imagenet/vit-s_knn_(1|10)percent': (
        'benchmarks/imagenet/vit-b_knn --cfg-options model.backbone.arch=small '
        r'model.bank_dataloader.dataset.ann_file=subsets/train_\1percent.txt'),
    'benchmarks/imagenet/vit-s_(knn|linear-90e)':
        r'benchmarks/imagenet/vit-b_\1 --cfg-options model.backbone.arch=small',
    'benchmarks/imagenet/vit-s_linear-90e_1percent':
        'benchmarks/imagenet/vit-b_linear-90e_1percent --cfg-options model.backbone.arch=small',
    'benchmarks/imagenet/vit-s_linear-90e_10percent': (
        'benchmarks/imagenet/vit-b_linear-90e_1percent --cfg-options model.backbone.arch=small '
        'train_dataloader.dataset.ann_file=subsets/train_10percent.txt'),
    'benchmarks/imagenet/vit-l_knn_(1|10)percent': (
        'benchmarks/imagenet/vit-b_knn --cfg-options model.backbone.arch=large '
        r'model.bank_dataloader.dataset.ann_file=subsets/train_\1percent.txt'),
    'benchmarks/imagenet/vit-l_(knn|linear-90e)':
        r'benchmarks/imagenet/vit-b_\1 --cfg-options model.backbone.arch=large',
    'benchmarks/imagenet/vit-l_linear-90e_1percent':
        'benchmarks/imagenet/vit-b_linear-90e_1percent --cfg-options model.backbone.arch=large',
    'benchmarks/imagenet/vit-l_linear-90e_10percent': (
        'benchmarks/imagenet/vit-b_linear-90e_1percent --cfg-options model.backbone.arch=large '
        'train_dataloader.dataset.ann_file=subsets/train_10percent.txt'),
    'benchmarks/imagenet/vit-b_linear-90e_10percent': (
        'benchmarks/imagenet/vit-b_linear-90e_1percent --cfg-options '
        'train_dataloader.dataset.ann_file=subsets/train_10percent.txt'),
    'benchmarks/imagenet/vit-s_(finetune-100e(?:_1percent|_10percent)?)':
        r'benchmarks/imagenet/vit-b_\1 --cfg-options model.backbone.arch=small',
    'benchmarks/imagenet/vit-b_finetune-100e_last-0':
        'benchmarks/imagenet/vit-b_finetune-100e --cfg-options model.backbone.frozen_stages=12',
    'benchmarks/imagenet/vit-b_finetune-100e_last-1':
        'benchmarks/imagenet/vit-b_finetune-100e --cfg-options model.backbone.frozen_stages=11',
    'benchmarks/imagenet/vit-b_finetune-100e_last-2':
        'benchmarks/imagenet/vit-b_finetune-100e --cfg-options model.backbone.frozen_stages=10',
    'benchmarks/imagenet/vit-b_finetune-100e_last-4':
        'benchmarks/imagenet/vit-b_finetune-100e --cfg-options model.backbone.frozen_stages=8',
    'benchmarks/imagenet/vit-b_finetune-100e_last-6':
        'benchmarks/imagenet/vit-b_finetune-100e --cfg-options model.backbone.frozen_stages=6',
    r'benchmarks/imagenet/(vit-b|hybrid-b)_finetune-100e_lr2\.5e-4': (
        r'benchmarks/imagenet/\1_finetune-100e --cfg-options optim_wrapper.optimizer.lr=1e-3 '
        'param_scheduler.1.eta_min_ratio=1e-3'),
    r'benchmarks/imagenet/vit-l_finetune-100e_lr2\.5e-4': (
        'benchmarks/imagenet/vit-l_finetune-50e --cfg-options optim_wrapper.optimizer.lr=1e-3 '
        'param_scheduler.1.eta_min_ratio=1e-3 train_cfg.max_epochs=100 '
        'param_scheduler.1.T_max=95 param_scheduler.1.end=100'),
    'benchmarks/imagenet/vit-l_finetune-50e_(1|10)percent': (
        r'benchmarks/imagenet/vit-b_finetune-100e_\1percent --cfg-options '
        'model.backbone.arch=large optim_wrapper.optimizer.lr=2e-3 '
        'param_scheduler.1.eta_min_ratio=5e-4 '
        'optim_wrapper.paramwise_cfg.layer_decay_rate=0.75 train_cfg.max_epochs=50 '
        'param_scheduler.1.T_max=45 param_scheduler.1.end=50'),
    'benchmarks/imagenet100/vit-b_finetune-100e_lr1e-3': (
        'benchmarks/imagenet100/vit-b_finetune-100e --cfg-options '
        'optim_wrapper.optimizer.lr=1e-3 param_scheduler.1.eta_min_ratio=1e-3'),
    'benchmarks/imagenet100/vit-b_finetune-100e_lr1e-4': (
        'benchmarks/imagenet100/vit-b_finetune-100e --cfg-options '
        'optim_wrapper.optimizer.lr=1e-4 param_scheduler.1.eta_min_ratio=1e-2'),
    'benchmarks/imagenet100/vit-s_finetune-100e_lr1e-3': (
        'benchmarks/imagenet100/vit-b_finetune-100e --cfg-options model.backbone.arch=small '
        'optim_wrapper.optimizer.lr=1e-3 param_scheduler.1.eta_min_ratio=1e-3'),
    'benchmarks/imagenet100/vit-s_finetune-100e_lr1e-4': (
        'benchmarks/imagenet100/vit-b_finetune-100e --cfg-options model.backbone.arch=small '
        'optim_wrapper.optimizer.lr=1e-4 param_scheduler.1.eta_min_ratio=1e-2'),
    'benchmarks/imagenet100/vit-s_(knn|linear-90e|finetune-100e)':
        r'benchmarks/imagenet100/vit-b_\1 --cfg-options model.backbone.arch=small',
    'benchmarks/folder/vit-s_(knn|linear|finetune)':
        r'benchmarks/folder/vit-b_\1 --cfg-options model.backbone.arch=small',
    'benchmarks/folder/vit-l_(knn|linear)':
        r'benchmarks/folder/vit-b_\1 --cfg-options model.backbone.arch=large',
    'benchmarks/folder/vit-l_finetune': (
        'benchmarks/folder/vit-b_finetune --cfg-options model.backbone.arch=large '
        'model.backbone.drop_path_rate=0.2 optim_wrapper.optimizer.lr=4e-3 '
        'param_scheduler.1.eta_min_ratio=2.5e-4 '
        'optim_wrapper.paramwise_cfg.layer_decay_rate=0.75 train_cfg.max_epochs=50 '
        'param_scheduler.1.T_max=45 param_scheduler.1.end=50'),
    'benchmarks/folder/vit-micro_finetune_last-1':
        'benchmarks/folder/vit-micro_finetune --cfg-options model.backbone.frozen_stages=3',
    'benchmarks/folder/vit-tiny_finetune_last-1':
        'benchmarks/folder/vit-tiny_finetune --cfg-options model.backbone.frozen_stages=11',
    'benchmarks/transfer/vit-b_finetune-(.+)': r'benchmarks/transfer/vit-b_finetune_\1',
    'benchmarks/transfer/vit-s_finetune-(.+)':
        r'benchmarks/transfer/vit-b_finetune_\1 --cfg-options model.backbone.arch=small',
    'benchmarks/transfer/vit-micro_(knn|linear|finetune)-(cifar100?)':
        r'benchmarks/transfer/vit-micro_\1_\2',
    'benchmarks/transfer/vit-micro_finetune_last-1-(cifar100?)':
        r'benchmarks/transfer/vit-micro_finetune_\1 --cfg-options model.backbone.frozen_stages=3',
    'benchmarks/transfer/vit-tiny_knn-(cifar100?)': (
        r'benchmarks/transfer/vit-micro_knn_\1 --cfg-options model.backbone.arch=tiny '
        'model.backbone.out_type=cls_token'),
    'benchmarks/transfer/vit-tiny_linear-(cifar100?)': (
        r'benchmarks/transfer/vit-micro_linear_\1 --cfg-options model.backbone.arch=tiny '
        'optim_wrapper.optimizer.lr=1e-3 train_cfg.max_epochs=50 train_cfg.val_interval=5 '
        'param_scheduler.0.T_max=50'),
    'benchmarks/transfer/vit-tiny_finetune-(cifar100?)': (
        r'benchmarks/transfer/vit-micro_finetune_\1 --cfg-options model.backbone.arch=tiny '
        'train_cfg.max_epochs=50 train_cfg.val_interval=5 param_scheduler.0.end=5 '
        'param_scheduler.1.begin=5 param_scheduler.1.T_max=45 param_scheduler.1.end=50'),
    'benchmarks/transfer/vit-tiny_finetune_last-1-(cifar100?)': (
        r'benchmarks/transfer/vit-micro_finetune_\1 --cfg-options model.backbone.arch=tiny '
        'train_cfg.max_epochs=50 train_cfg.val_interval=5 param_scheduler.0.end=5 '
        'param_scheduler.1.begin=5 param_scheduler.1.T_max=45 param_scheduler.1.end=50 '
        'model.backbone.frozen_stages=11'),
    'benchmarks/coco/mask-rcnn_vit-s_cae-1x': (
        'benchmarks/coco/vit-b_mask-rcnn-1x_cae --cfg-options model.backbone.arch=small '
        'model.backbone.drop_path_rate=0.1'),
    'benchmarks/coco/mask-rcnn_vit-b_(cae|cmt|conditional)-1x':
        r'benchmarks/coco/vit-b_mask-rcnn-1x_\1',
    'benchmarks/coco/mask-rcnn_vit-b_(vitdet|fpn)-100e': r'benchmarks/coco/vit-b_mask-rcnn-100e_\1',
    'benchmarks/coco/mask-rcnn_vit-b_self-guided-90k':
        'benchmarks/coco/vit-b_mask-rcnn-90k_self-guided',
    'benchmarks/coco/mask-rcnn_hybrid-b_vitdet-100e': 'benchmarks/coco/hybrid-b_mask-rcnn-100e',
    'benchmarks/coco/mask-rcnn_(swin-b|convnextv2-b)_1x': r'benchmarks/coco/\1_mask-rcnn-1x',
    'benchmarks/ade20k/upernet_vit-s_160k':
        'benchmarks/ade20k/vit-b_upernet-160k --cfg-options model.backbone.arch=small',
    'benchmarks/ade20k/upernet_(vit-b|vit-l|hybrid-b)_160k': r'benchmarks/ade20k/\1_upernet-160k',
    'benchmarks/ade20k/upernet_vit-b_cmae-160k': 'benchmarks/ade20k/vit-b_upernet-160k_cmae',
    'benchmarks/ade20k/upernet_vit-b_cmt-160k': (
        'benchmarks/ade20k/vit-b_upernet-160k --cfg-options optim_wrapper.optimizer.lr=3e-5 '
        'optim_wrapper.paramwise_cfg.layer_decay_rate=0.9'),
    'benchmarks/ade20k/upernet_vit-b_conditional-160k':
        'benchmarks/ade20k/vit-b_upernet-160k --cfg-options optim_wrapper.optimizer.lr=3e-4',
    'benchmarks/ade20k/fpn_vit-b_160k': 'benchmarks/ade20k/vit-b_fpn-160k',
    'benchmarks/davis/vit-s_davis':
        'benchmarks/davis/vit-b_davis --cfg-options model.backbone.arch=small',
    'benchmarks/davis/vit-l_davis':
        'benchmarks/davis/vit-b_davis --cfg-options model.backbone.arch=large',
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

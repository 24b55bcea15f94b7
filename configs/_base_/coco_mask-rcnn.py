"""Mask R-CNN of mmdet on a pretrained ViT-B/16, and the additional hooks."""
_base_ = ['mmdet::_base_/models/mask-rcnn_r50_fpn.py']
custom_imports = dict(
    imports=['mmguided', 'mmguided.evaluation.mask_rcnn'], allow_failed_imports=False)

model = dict(
    type='mmguided.MaskRCNN',
    backbone=dict(
        _delete_=True,
        type='mmguided.DenseViT',
        arch='base',
        img_size=224,  # pretraining size; positions are resampled to each batch
        patch_size=16,
        init_cfg=dict(type='Pretrained', checkpoint='', prefix='backbone.')),
    # None selects the strides of the backbone.
    rpn_head=dict(anchor_generator=dict(strides=None)),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=None),
        mask_roi_extractor=dict(featmap_strides=None)))

run_hooks = dict(
    runtime_info=dict(type='mmguided.RuntimeInfoHook'),
    checkpoint=dict(type='mmguided.SafeCheckpointHook', max_keep_ckpts=2),
    finite=dict(type='mmguided.FiniteHook'),
    rng_state=dict(type='mmguided.RNGStateHook'),
    interruption=dict(type='mmguided.InterruptionHook'),
    schedule=dict(type='mmguided.ScheduleHook'),
    run_identity=dict(type='mmguided.RunIdentityHook'),
    optimizer_state=dict(type='mmguided.OptimizerStateHook'),
    plain_checkpoint=dict(type='mmguided.PlainCheckpointHook'),
    # A test must load the whole detector, not a pretrained encoder under random heads.
    strict_backbone=dict(type='mmguided.StrictBackboneHook', test_prefix=''))
randomness = dict(seed=0, diff_rank_seed=True)

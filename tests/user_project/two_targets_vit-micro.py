"""Example config: two_targets.py on the small-scale config of MAE.

    PYTHONPATH=. python tools/train.py tests/user_project/two_targets_vit-micro.py \
        --cfg-options train_dataloader.dataset.data_root=FOLDER
"""
_base_ = ['../../configs/conditional_mae/vit-micro_folder-32.py']

custom_imports = dict(
    imports=['mmguided', 'tests.user_project.two_targets'], allow_failed_imports=False)

model = dict(
    type='mmguided.TwoTargets',
    momentum_encoder=dict(type='mmguided.MomentumEncoder', momentum=0.99),
    mask_generator=dict(
        _delete_=True,
        type='mmguided.MaskGenerator',
        mask_ratio=0.75,
        sampling=dict(type='mmguided.TopKSampling'),
        guidance=dict(type='mmguided.ClsAttention', source='momentum', layers=[-1]),
        schedule=dict(ramp=2)),
    feature_target=dict(type='mmguided.FeatureTarget', source='momentum'),
    feature_head=dict(type='mmguided.ReconstructionHead', loss='l1', block=1))
train_cfg = dict(max_epochs=2)

"""ccMIM with ViT-B/16 as in the paper; open details follow the released code.

The paper states the score of Eq. 4 (logits averaged over heads, softmax over patches), importance
sampling, NCE with the visible-visible terms (Eq. 7), and lambda = 0.2. These settings come from the
released code: the sum over all blocks, the rule that combines scores and noise, the projector with
per-process batch normalization, temperature 0.5, and MAE's decoder.
"""
_base_ = ['./mae_vit-b.py']

model = dict(
    type='mmguided.CCMIM',
    mask_generator=dict(
        sampling=dict(type='mmguided.ImportanceSampling'),
        guidance=dict(
            type='mmguided.ClsAttention', source='student', softmax='mean', reduce='sum')),
    projector=dict(
        type='NonLinearNeck',
        out_channels=256,
        with_avg_pool=False,
        with_last_bn_affine=False,
        # Statistics are per process, as in the released code, so results depend on the number of
        # processes. With mmguided.SyncBatchNorm they do not.
        norm_cfg=dict(type='BN1d'),
        init_cfg=[
            dict(type='Xavier', layer='Linear', distribution='uniform'),
            dict(type='Constant', layer='BatchNorm1d', val=1, bias=0)
        ]),
    contrast_head=dict(
        type='mmguided.InfoNCEHead', temperature=0.5, student_negatives=True, loss_weight=0.2))

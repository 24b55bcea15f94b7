"""ccMIM ablation (Table 5): block-wise division, 100 epochs.

    tools/dist_train.sh configs/ccmim/ablations/dividing_blockwise_100e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers: linear/fine-tune 32.9/79.2. Ours: not measured.
"""
_base_ = ['./base_100e.py']

model = dict(
    mask_generator=dict(
        sampling=dict(type='mmguided.BlockwiseSampling', min_patches=16),
        guidance=None))

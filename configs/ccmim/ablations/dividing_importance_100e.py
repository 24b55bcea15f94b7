"""ccMIM ablation (Table 5): division by importance alone (top-k), 100 epochs.

    tools/dist_train.sh configs/ccmim/ablations/dividing_importance_100e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers: linear/fine-tune 31.1/78.8. Ours: not measured.
"""
_base_ = ['./base_100e.py']

model = dict(
    mask_generator=dict(sampling=dict(type='mmguided.TopKSampling')))

"""ccMIM ablation (Table 5): random division, 100 epochs.

    tools/dist_train.sh configs/ccmim/ablations/dividing_random_100e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's numbers: linear/fine-tune 33.6/79.4. Ours: not measured.
"""
_base_ = ['./base_100e.py']

model = dict(
    mask_generator=dict(
        sampling=dict(type='mmguided.RandomSampling'), guidance=None))

"""ccMIM with HOG targets (Sec. 3.2, Eq. 3), 300 epochs.

    tools/dist_train.sh configs/ccmim/ablations/target_hog_300e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper names the target and reports no number for it. Ours: not measured.
"""
_base_ = ['../vit-b_300e.py']

model = dict(target_generator=dict(_delete_=True, type='mmguided.HOGTarget'))

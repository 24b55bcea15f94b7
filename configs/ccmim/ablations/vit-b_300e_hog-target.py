"""ccMIM with HOG targets (Sec. 3.2, Eq. 3), 300 epochs.

    tools/dist_train.sh configs/ccmim/ablations/vit-b_300e_hog-target.py 8

Published: no number.
"""
_base_ = ['../vit-b_300e.py']

model = dict(target_generator=dict(_delete_=True, type='mmguided.HOGTarget'))

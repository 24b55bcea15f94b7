"""Self-guided MAE ablation (Table 3): hints drawn in proportion to the relevance, at a ratio that
decays after the trigger, as in SemMAE; 400 epochs. The paper states no values of the ratio. Ours
decreases from .05 to .01 over the 350 epochs after the trigger, which fires at about epoch 50.

    tools/dist_train.sh configs/self_guided_mae/ablations/vit-b_400e_hint-relevance.py 8

Published: linear 62.5 (62.9 with uniform hints).
"""
_base_ = ['../vit-b_400e.py']

model = dict(
    mask_generator=dict(
        sampling=dict(
            choice='proportional',
            ratio=dict(_delete_=True, start=0.05, end=0.01, begin='trigger', ramp=350))))

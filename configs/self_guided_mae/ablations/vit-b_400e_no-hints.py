"""Self-guided MAE ablation (Table 3): no hints, 400 epochs.

    tools/dist_train.sh configs/self_guided_mae/ablations/vit-b_400e_no-hints.py 8

Published: linear 52.3 (62.9 with hints).
"""
_base_ = ['../vit-b_400e.py']

model = dict(mask_generator=dict(sampling=dict(_delete_=True, type='mmguided.TopKSampling')))

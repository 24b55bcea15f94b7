"""Self-guided MAE ablation (Table 3): no hints.

    tools/dist_train.sh configs/self_guided_mae/ablations/hint_none_400e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's number: IN-1K linear 52.3 (62.9 with the default). Ours: not measured.
"""
_base_ = ['../vit-b_400e.py']

model = dict(mask_generator=dict(sampling=dict(_delete_=True, type='mmguided.TopKSampling')))

"""Self-guided MAE ablation (Table 3): token relations of the decoder's last layer, which
sees each image once under a random mask.

    tools/dist_train.sh configs/self_guided_mae/ablations/layer_dec8_400e.py 8

Hardware: 8 GPUs, 512 images each, total batch 4096; --auto-scale-lr for any other number. Time: not
measured by us.
The paper's number: IN-1K linear 62.7 (62.9 with the default). Ours: not measured.
"""
_base_ = ['../vit-b_400e.py']

model = dict(mask_generator=dict(guidance=dict(guidance=dict(source='decoder', layer=-1))))

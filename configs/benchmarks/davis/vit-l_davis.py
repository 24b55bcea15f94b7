"""Video object segmentation on DAVIS-2017 by a pretrained ViT-L/16; protocol as vit-b_davis.py.

    tools/dist_test.sh configs/benchmarks/davis/vit-l_davis.py CHECKPOINT 8

Hardware as vit-b_davis.py; time not measured yet. CMT-MAE reports 7.1 more of J&F than MAE, and
neither number. Ours: not measured.
"""
_base_ = ['./vit-b_davis.py']

model = dict(backbone=dict(arch='large'))

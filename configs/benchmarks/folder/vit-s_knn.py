"""k-NN accuracy of a pretrained ViT-S/16 on a labeled folder of images at 224 px.

    python tools/test.py configs/benchmarks/folder/vit-s_knn.py CHECKPOINT --data-root FOLDER

FOLDER/{train,val}/CLASS/*; protocol as ../imagenet/vit-s_knn.py. With 10 and
20 neighbors: a smaller folder needs `--cfg-options model.ks="(N,)"`.

Hardware: one GPU or a CPU. Not measured yet.
"""
_base_ = ['./vit-b_knn.py']

model = dict(backbone=dict(arch='small'))

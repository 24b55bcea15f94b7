"""k-NN accuracy of a pretrained ViT-B/16 on a labeled folder of images at 224 px.

    python tools/test.py configs/benchmarks/folder/vit-b_knn.py CHECKPOINT --data-root FOLDER

FOLDER/{train,val}/CLASS/*; protocol as ../imagenet/vit-b_knn.py. With 10 and
20 neighbors: a smaller folder needs `--cfg-options model.ks="(N,)"`.

Hardware: one GPU or a CPU. Not measured yet.
"""
_base_ = ['../imagenet/vit-b_knn.py', '../../_base_/folder_224.py']

val = dict(_base_.labeled_folder, data_prefix='val', pipeline=_base_.test_pipeline)
test_dataloader = dict(dataset=val)
model = dict(ks=(10, 20), bank_dataloader=dict(dataset=dict(val, data_prefix='train')))
test_evaluator = dict(topk=(1, ))
test_cfg = dict(fp16=False)

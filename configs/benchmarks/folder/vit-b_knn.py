"""k-NN accuracy of a pretrained ViT-B/16 on a labeled folder of images at 224 px.

    python tools/test.py configs/benchmarks/folder/vit-b_knn.py CHECKPOINT --data-root FOLDER

The folder is FOLDER/{train,val}/CLASS/*. The protocol is ../imagenet/vit-b_knn.py with 10 and 20
neighbors; if the folder has fewer training images, add `--cfg-options model.ks="(N,)"`.
"""
_base_ = ['../imagenet/vit-b_knn.py']

val = dict(
    _delete_=True,
    type='CustomDataset',
    data_root='data/folder',
    with_label=True,
    data_prefix='val',
    pipeline=_base_.test_pipeline)
test_dataloader = dict(dataset=val)
model = dict(ks=(10, 20), bank_dataloader=dict(dataset=dict(val, data_prefix='train')))
test_evaluator = dict(topk=(1, ))
test_cfg = dict(fp16=False)

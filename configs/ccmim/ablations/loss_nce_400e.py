"""ccMIM ablation (Fig. 2): lambda with the NCE form of Eq. 7, 400 epochs; 0.2 unless

    --cfg-options model.contrast_head.loss_weight=LAMBDA

is added to the command, with LAMBDA = 0, 0.1, 0.2, 0.4, 0.6, 0.8 or 1.

    tools/dist_train.sh configs/ccmim/ablations/loss_nce_400e.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper finds 0.2 best for both forms (a plot without a table), with "learning rate as 1e-5, batch
size as 1024", a sixtieth of its own recipe; taken as written. Ours: not measured.
"""
_base_ = ['./base_400e.py']

optim_wrapper = dict(optimizer=dict(lr=1e-5))

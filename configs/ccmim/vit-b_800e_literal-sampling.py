"""ccMIM, ViT-B/16, 800 epochs, with importance sampling as Eq. 5-6 read: by the ratio of the score,
which is a softmax already, and uniform noise. The released code takes a softmax of both first,
which leaves masks nearly random; so does vit-b_800e.py, for the paper's numbers come from there.

    tools/dist_train.sh configs/ccmim/vit-b_800e_literal-sampling.py 8

Hardware: 8 GPUs, 128 images each, total batch 1024; --auto-scale-lr for any other number. Time: not
measured by us.
The paper has no number for this. Ours: not measured at this size; docs/guidance_study.md has small
runs.
"""
_base_ = ['./vit-b_800e.py']

model = dict(mask_generator=dict(sampling=dict(log_scores=True)))

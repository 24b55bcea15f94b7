r"""Guidance study: masks sorted by s - u as in the released code (s: attention scores, u: uniform
noise). The other configs in this folder inherit this one.

    python projects/study/study.py configs/ccmim/guidance/released.py --data-root FOLDER
"""
_base_ = ['../vit-micro_folder-32.py']

"""Evaluation of pretrained encoders."""
from .knn import knn_scores
from .knn_classifier import KNNClassifier
from .metrics import KNNAccuracy
from .robustness import chance_level, robustness_curves, robustness_table, summarize

__all__ = ['KNNAccuracy', 'KNNClassifier', 'chance_level', 'knn_scores', 'robustness_curves',
           'robustness_table', 'summarize']

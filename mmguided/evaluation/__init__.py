"""Evaluation of pretrained encoders."""
from .knn import knn_scores
from .knn_classifier import KNNClassifier
from .metrics import KNNAccuracy

__all__ = ['KNNAccuracy', 'KNNClassifier', 'knn_scores']

"""Evaluation of pretrained encoders."""
from .classifier import ImageClassifier
from .davis import score_folders, score_sequence, summarize_objects
from .davis_metric import DAVISMetric
from .features import check_feature, image_features, pool_latents
from .knn import knn_scores
from .knn_classifier import KNNAccuracy, KNNClassifier
from .label_propagation import LabelPropagation
from .linear_probe import OnlineLinearProbe
from .robustness import chance_level, robustness_curves, robustness_table, summarize_levels

__all__ = [
    'DAVISMetric', 'ImageClassifier', 'KNNAccuracy', 'KNNClassifier', 'LabelPropagation',
    'OnlineLinearProbe', 'chance_level', 'check_feature', 'image_features', 'knn_scores',
    'pool_latents', 'robustness_curves', 'robustness_table', 'score_folders', 'score_sequence',
    'summarize_levels', 'summarize_objects'
]

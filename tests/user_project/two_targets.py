"""Example of a method outside the package: masks guided by the momentum encoder, and two targets
predicted from one decoder, pixels and features of the momentum encoder."""
from mmguided.models import MaskedImageModel
from mmguided.registry import MODELS


@MODELS.register_module()
class TwoTargets(MaskedImageModel):
    """Predict pixels and features of the masked patches.

    Args:
        feature_target: Config of the second target.
        feature_head: Config of the head that predicts it.
        **kwargs: Arguments of MaskedImageModel.
    """

    def __init__(self, *, feature_target: dict, feature_head: dict, **kwargs) -> None:
        super().__init__(**kwargs)
        self.feature_target = MODELS.build(
            feature_target, default_args=dict(encoders=self.encoders))
        self.feature_head = self.build_head(
            feature_head, self.neck, self.backbone, self.feature_target.dims)

    @property
    def observers(self):
        return *super().observers, self.feature_target

    def loss(self, inputs, data_samples=None):
        observations = self.observe(inputs)
        mask, log_vars = self.make_mask(inputs, observations)
        states = self.decode(self.backbone(inputs, mask), mask)
        pixels = self.target_generator(inputs, observations)
        features = self.feature_target(inputs, observations)
        return dict(
            loss_pixels=self.head(states, pixels, mask.mask),
            loss_features=self.feature_head(states, features, mask.mask),
            **log_vars)

"""A linear classifier that learns from features as they come."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import skip_init


class OnlineLinearProbe(nn.Module):
    """A linear layer behind batch normalization without parameters, as in MAE's linear probe
    (App. A.1), trained by Adam at a constant rate. It starts at zero and draws no random numbers.

    Args:
        in_dims: Width of the features.
        num_classes: Number of classes C.
        lr: Learning rate.
    """

    def __init__(self, in_dims: int, num_classes: int, lr: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(in_dims, affine=False, eps=1e-6)
        self.linear = skip_init(nn.Linear, in_dims, num_classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.optimizer = torch.optim.Adam(self.parameters(), lr)

    def forward(self, features: Tensor) -> Tensor:
        """Logits ``(B, C)`` of features ``(B, D)``."""
        return self.linear(self.norm(features))

    @torch.enable_grad()
    def step(self, features: Tensor, labels: Tensor) -> Tensor:
        """One step of the optimizer on features ``(B, D)``, two or more, and labels ``(B, )``.

        Returns:
            The logits ``(B, C)`` before the step.
        """
        logits = self.train()(features.detach())
        self.optimizer.zero_grad()
        F.cross_entropy(logits, labels).backward()
        self.optimizer.step()
        return logits.detach()

    @torch.no_grad()
    def predict(self, features: Tensor) -> Tensor:
        """Classes ``(B, )`` by the running statistics of the normalization."""
        return self.eval()(features).argmax(dim=1)

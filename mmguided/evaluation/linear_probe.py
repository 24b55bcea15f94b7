"""Linear probe that is trained online."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import skip_init


class OnlineLinearProbe(nn.Module):
    """Linear classifier behind batch normalization without affine parameters, as in MAE's linear
    probe (App. A.1), trained by Adam with a constant learning rate. It is initialized to zero and
    does not change the RNG state.
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
        """Run one optimizer step on features ``(B, D)``, B >= 2, and labels ``(B, )``.

        Returns:
            Logits ``(B, C)`` before the step.
        """
        logits = self.train()(features.detach())
        self.optimizer.zero_grad()
        F.cross_entropy(logits, labels).backward()
        self.optimizer.step()
        return logits.detach()

    @torch.no_grad()
    def predict(self, features: Tensor) -> Tensor:
        """Classes ``(B, )``, with the running statistics of the normalization."""
        return self.eval()(features).argmax(dim=1)

"""The plain way to train: a module stepped through time in eager torch, as public tutorials do it."""

import numpy as np
import torch


class ShallowPLRNN(torch.nn.Module):
    """z' = A z + W1 relu(W2 z + h2) + h1, with A diagonal."""

    def __init__(self, latent: int, hidden: int) -> None:
        super().__init__()
        self.A = torch.nn.Parameter(0.5 + 0.4 * torch.rand(latent))
        self.W1 = torch.nn.Parameter((2 * torch.rand(latent, hidden) - 1) / hidden**0.5)
        self.W2 = torch.nn.Parameter((2 * torch.rand(hidden, latent) - 1) / latent**0.5)
        self.h1 = torch.nn.Parameter(torch.zeros(latent))
        self.h2 = torch.nn.Parameter((2 * torch.rand(hidden) - 1) / hidden**0.5)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """States (B, M) to the next ones."""
        return self.A * z + torch.relu(z @ self.W2.T + self.h2) @ self.W1.T + self.h1


def trained(series: np.ndarray, hidden: int, alpha: float, batch_size: int, steps: int, updates: int) -> float:
    """Train by generalized teacher forcing in float64; the last loss."""
    torch.set_default_dtype(torch.float64)
    data = torch.from_numpy(series)
    model = ShallowPLRNN(data.shape[1], hidden)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(updates):
        starts = torch.randint(0, len(data) - steps, (batch_size,))
        x = torch.stack([data[start : start + steps + 1] for start in starts])
        z, predictions = x[:, 0], []
        for t in range(steps):
            z = model(alpha * x[:, t] + (1 - alpha) * z)
            predictions.append(z)
        loss = torch.nn.functional.mse_loss(torch.stack(predictions, dim=1), x[:, 1:])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.item()

"""What makes runs: models and data, training, sweeps. It needs torch."""

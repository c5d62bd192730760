"""The training on the built-in sample pictures: small enough for any processor, good enough to see it learn."""

from __future__ import annotations

from vgg_studio.core.jobs import TrainJob


def demo_job(data: str, run: str = "") -> TrainJob:
    """Settings for the built-in sample pictures in the folder `data`; without `run` a new folder among the user's runs."""
    return TrainJob(
        data=data,
        run=run,
        variant="vgg11_bn",
        width_divisor=8,
        slim_linear=True,
        image_size=64,
        epochs=20,
        batch_size=16,
        optimizer="adamw",
        learning_rate=5e-4,
        dropout=0.2,
    )

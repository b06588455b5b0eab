"""Running models: a model is a folder with a card and ONNX graphs, an `Enhancer` runs it.

Importing this costs little more than numpy: ONNX Runtime is loaded when the first Enhancer is made.
"""

from .card import (
    ApplyCard,
    Card,
    DataCard,
    DecideCard,
    DenoiseCard,
    LightCard,
    RawCard,
    ScoreCard,
    TrainingCard,
    read_card,
    write_card,
)
from .curves import apply_curves, available_backends
from .decision import Controls, Tier, adjust_curves
from .enhancer import Enhancer, Result
from .photos import Decision
from .zoo import DEFAULT_MODEL, DEFAULT_RAW_MODELS, Model, list_models, load_model

__all__ = [
    "DEFAULT_MODEL",
    "DEFAULT_RAW_MODELS",
    "ApplyCard",
    "Card",
    "Controls",
    "DataCard",
    "DecideCard",
    "Decision",
    "DenoiseCard",
    "Enhancer",
    "LightCard",
    "Model",
    "RawCard",
    "Result",
    "ScoreCard",
    "Tier",
    "TrainingCard",
    "adjust_curves",
    "apply_curves",
    "available_backends",
    "list_models",
    "load_model",
    "read_card",
    "write_card",
]

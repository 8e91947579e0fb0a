"""What to run: Config, Variant, Sweep, Experiment."""

from podium.spec.config import (
    CONFIGS,
    CNNConfig,
    Config,
    Value,
    VisionToSequenceConfig,
    ViTConfig,
    config_from,
    field_types,
    parse_setting,
)
from podium.spec.errors import PodiumError, unknown
from podium.spec.experiment import Experiment, Profile, Sweep, Variant, experiment_names, load_experiment
from podium.spec.project import Project, find_project

__all__ = [
    "CONFIGS",
    "CNNConfig",
    "Config",
    "Experiment",
    "PodiumError",
    "Profile",
    "Project",
    "Sweep",
    "Value",
    "Variant",
    "ViTConfig",
    "VisionToSequenceConfig",
    "config_from",
    "experiment_names",
    "field_types",
    "find_project",
    "load_experiment",
    "parse_setting",
    "unknown",
]

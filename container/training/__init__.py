"""From a training job to a model file."""

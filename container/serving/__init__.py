"""From a model file to an HTTP endpoint."""

"""From SageMaker's strings to checked hyperparameters."""

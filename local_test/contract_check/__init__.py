"""Run any SageMaker image through the platform's contract, with Docker and Python's standard library alone."""

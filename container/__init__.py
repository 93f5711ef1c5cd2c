"""An XGBoost container for Amazon SageMaker: everything that runs inside the image."""

__version__ = "0.1.0"

"""The image has no scikit-learn. Where it is installed XGBoost imports it, and with it pandas: seconds of a start."""

raise ImportError("left out, as in the image")

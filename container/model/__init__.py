"""The model file and the predictions made with it."""

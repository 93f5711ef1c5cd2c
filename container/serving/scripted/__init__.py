"""Inference code of the user's own: its hooks, what stands in for those it lacks, and the service they make."""

"""gunicorn's worker, with an event loop that waits for whatever is slow, and answers what is short."""

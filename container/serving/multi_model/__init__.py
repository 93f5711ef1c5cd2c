"""Multi-model endpoints: models that come and go while the server runs, the same ones in all of its processes."""

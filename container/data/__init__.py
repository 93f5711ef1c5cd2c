"""Bytes in any accepted format to tables and matrices, one reading for training and for serving."""

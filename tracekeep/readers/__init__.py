"""Readers: bytes of files in, records out. They know nothing of Spark."""

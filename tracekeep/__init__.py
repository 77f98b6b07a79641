"""Tracekeep: logs and spans of microservices as Delta tables that stay small and keep context."""

from tracekeep.loading import load

__all__ = ["load"]

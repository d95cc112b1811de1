"""A node against its records: checks that read, and never act."""

from .checks import CHECKS
from .node import Node, Roots
from .run import Audit

__all__ = ["CHECKS", "Audit", "Node", "Roots"]

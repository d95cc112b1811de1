"""From a node's files into the store."""

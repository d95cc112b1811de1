"""The database's numbers for monitoring: read in a few statements, and written as Prometheus and OpenMetrics read them.

:mod:`.readings` knows SQL and nothing of Prometheus; :mod:`.families` names the metrics, :mod:`.exposition` writes
them as text, to a file, or over HTTP: both import ``prometheus-client``, an extra.
"""

"""How fast persistdb is beside what people would use instead: ``python -m benchmarks``.

| module | is |
|---|---|
| ``samples`` | the values that are stored: standard containers, in sandboxes of three and of twenty |
| ``places`` | where the databases are: a folder, a PostgreSQL and a MariaDB server |
| ``contender`` | the interface of each contender |
| ``ours``, ``floor``, ``unit_of_work``, ``advanced``, ``peewee_store``, ``files`` | the contenders |
| ``operations``, ``growth``, ``memory``, ``migrations``, ``startup`` | what is measured |
| ``reporting`` | what reports and filters cost, by themselves |
| ``fleet`` | what a fleet costs as it grows, and when a node of its cluster fails: ``python -m benchmarks.fleet`` |
| ``timing``, ``results`` | how it is measured and shown |
"""

"""The page of ``report --html``: one file that shows what a database has, and needs nothing else.

:mod:`.queries` asks, :mod:`.plots` draws with matplotlib what :mod:`.svg` makes part of the page, :mod:`.html` fills
the template beside it: these three need an extra. The script adds a search to each table, and an order of its rows;
without it all that the page says is there.
"""

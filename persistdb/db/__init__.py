"""The pool, transactions, retries and lost commits; knows no schema."""

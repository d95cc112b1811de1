"""The tables and views, the schema's versions, and what changes, copies and checks them."""

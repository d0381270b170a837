"""The command line ``xpmodel``: one module a family of commands."""

"""``python -m xpmodel``."""

from xpmodel.cli import main

main(prog_name="xpmodel")

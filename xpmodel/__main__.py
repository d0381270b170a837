"""``python -m xpmodel``."""

from xpmodel.cli.main import main

main(prog_name="xpmodel")

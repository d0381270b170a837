"""What breaks, lies, blocks or lets in: attacks on the commands and on a served page.

``python -m tests.attack NAME …`` runs one or some of them, and prints a row as each part ends. They
take minutes and are apart from the tests, but for a short part of ``inputs``.
"""

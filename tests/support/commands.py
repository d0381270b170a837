"""The command line, called within the tests' own process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from xpmodel.cli.main import main


def run(*arguments: object, status: int = 0) -> Result:
    """What ``xpmodel ARGUMENTS`` prints; it must end with this status, and no error of ours."""
    result = CliRunner().invoke(main, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result

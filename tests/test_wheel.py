"""The package that people install: built, installed, and used far from the repository."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from bokeh.client import pull_session

from xpapp.page import TITLE
from xpmodel import __version__

ROOT = Path(__file__).resolve().parents[1]
# Where the repository has what is installed in these folders.
PACKAGES = {
    "xpmodel": ROOT / "xpmodel",
    "xpapp": ROOT / "app" / "xpapp",
    "xpmodel/demo_model": ROOT / "data" / "demo_model",
}


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and an empty folder to work in."""

    wheel: Path
    environment: Path
    folder: Path

    def command(self, *arguments: object) -> list[str]:
        return [str(self.environment / "bin" / "xpmodel"), *map(str, arguments)]

    @property
    def variables(self) -> dict[str, str]:
        """Nothing of those who run the tests: no folders, no imports from theirs."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("XPMODEL_", "PYTHON"))}
        return kept | {"XDG_DATA_HOME": str(self.folder / "data"), "HOME": str(self.folder)}

    def run(self, *command: object) -> str:
        done = subprocess.run(
            list(map(str, command)),
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def build(folder: Path) -> Path:
    """A wheel of an sdist of a copy: nothing is written into the repository."""
    source = folder / "source"
    for path in ("xpmodel", "app", "data/demo_model"):
        shutil.copytree(ROOT / path, source / path, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A new environment that has the wheel of its own, and what it needs from this one."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build(folder)
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    install = ["--python", python, "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run([sys.executable, "-m", "pip", *map(str, install)], check=True)
    # A path in a .pth file is searched last; .pth files there, such as the one that puts the
    # repository on the path of this environment, are not read.
    (packages,) = environment.glob("lib/python*/site-packages")
    theirs = [path for path in sys.path if Path(path).name.endswith("-packages")]
    (packages / "dependencies.pth").write_text("\n".join(theirs))
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return Installed(wheel, environment, elsewhere)


def files(folder: Path) -> set[str]:
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    return {name for name in names if "__pycache__" not in name}


@pytest.mark.slow
def test_wheel_has_all_files_and_no_others(installed: Installed):
    expected = {f"{name}/{file}" for name, folder in PACKAGES.items() for file in files(folder)}
    assert {"xpmodel/py.typed", "xpapp/py.typed", "xpmodel/mock/noise.json"} <= expected
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == expected


@contextmanager
def explored(installed: Installed, *arguments: object) -> Iterator[tuple[str, str, Path]]:
    """What `xpmodel explore` says that it shows, the address, and its log.

    Ends it with Ctrl-C, and sees that nothing went wrong.
    """
    log = installed.folder / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            installed.command("explore", "--no-browser", "--port", 0, *arguments),
            cwd=installed.folder,
            env=installed.variables,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        shown, address = process.stdout.readline(), process.stdout.readline()
        assert address, log.read_text()
        yield shown, address.split()[0], log
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in log.read_text() and "ERROR" not in log.read_text()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


WHERE = """
import importlib.metadata, xpapp, xpmodel, xpmodel._folders as folders
print(importlib.metadata.version("xpmodel"))
print(xpmodel.__file__, xpapp.__file__, folders.demo_model(), folders.data_folder(), sep="\\n")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="names of folders as other systems have them")
def test_installed(installed: Installed):
    version, *paths = installed.run(installed.environment / "bin/python", "-c", WHERE).split("\n")
    library, page, model, data = map(Path, paths)
    assert version == __version__
    assert installed.run(*installed.command("--version")).endswith(f"version {__version__}")
    for path in (library, page, model):
        assert path.is_relative_to(installed.environment)
    assert data.is_relative_to(installed.folder)

    installed.run(*installed.command("mock", "--stars", 300, "--out", "sky"))
    build = ["build", "sky/xp_apogee_mock.h5", "--model", model, "--out", data / "catalog.parquet"]
    installed.run(*installed.command(*build))
    with explored(installed) as (shown, url, log):
        assert "300 stars · MOCK: all made up, none observed" in shown
        with urllib.request.urlopen(url) as answer:
            assert answer.status == 200 and TITLE in answer.read().decode()
        # The page's own routes answer, if only that nothing was offered and nothing is awaited.
        assert status(f"{url}/export/token/stars.csv") == status(f"{url}/upload/token") == 404
        said = log.read_text()
        assert "this file was fetched before, or never offered" in said
        assert "no visit takes files here" in said
        session = pull_session(url=url)
        names = {model.name for model in session.document.models}
        session.close()
        assert {"latent_image", "spectrum_source"} <= names

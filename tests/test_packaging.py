"""What the project says that it needs: one list of packages, in three files that agree."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import xpmodel
from tests.support.loops import some

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("app", "test", "dev")
CONDA_NAMES = {
    "dust_extinction": "dust-extinction",
    "python-build": "build",
    "pytorch": "torch",
}
# The only file of the library that may import the page, in a function: its packages are an extra.
SERVES_THE_PAGE = ROOT / "xpmodel" / "cli" / "explore.py"
PAGE_PACKAGES = {"panel", "panel_material_ui", "holoviews", "bokeh", "datashader", "xpapp"}


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def required(*extras: str) -> dict[str, Requirement]:
    """Packages that pyproject.toml asks for, by name: at run time and for the extras."""
    project = pyproject()
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in requirements}


def constraints() -> list[Requirement]:
    text = (ROOT / "constraints.txt").read_text()
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    return [Requirement(line) for line in lines if line]


def pins() -> dict[str, Version]:
    return {
        canonicalize_name(r.name): Version(next(iter(r.specifier)).version) for r in constraints()
    }


def environment() -> tuple[dict[str, str], list[str]]:
    """Versions by name in environment.yml, python and pip aside, and its other lines for pip."""
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    from_conda = [d for d in dependencies if isinstance(d, str)]
    (from_pip,) = [d["pip"] for d in dependencies if isinstance(d, dict)]
    versions, other = {}, []
    for line in from_conda + from_pip:
        if line.split(">")[0] in ("python", "pip"):
            continue
        match = re.fullmatch(r"([a-z0-9_-]+)==?([0-9.]+)", line)
        if match:
            versions[CONDA_NAMES.get(match[1], match[1])] = match[2]
        else:
            other.append(line)
    return versions, other


def imports(path: Path) -> Iterator[str]:
    """Top-level names that a file imports, also those that a function imports when it runs."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def sources(package: str) -> list[Path]:
    """The Python files of a folder of the product, of which there must be some."""
    found = sorted((ROOT / package).rglob("*.py"))
    assert len(found) > 50, f"{package}/ has moved"
    return found


def test_constraints_are_exact():
    for requirement in some(constraints()):
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", requirement
        assert "*" not in specifier.version, requirement
        assert Version(specifier.version).local is None, requirement
    names = [canonicalize_name(r.name) for r in constraints()]
    assert len(names) == len(set(names)), "a package is pinned twice"


def test_torch_pin():
    assert pins()["torch"] == Version("2.13.0")


def test_constraints_meet_pyproject():
    pinned = pins()
    for name, requirement in some(required(*EXTRAS).items()):
        assert name in pinned, f"{name} has no pin in constraints.txt"
        assert pinned[name] in requirement.specifier, f"{name}=={pinned[name]} against pyproject"


def test_environment_names_the_same_packages():
    versions, other = environment()
    assert set(versions) == set(required(*EXTRAS))
    assert other == ["-e .[app]"]


def test_environment_has_the_constraints_versions():
    pinned = pins()
    for name, version in some(environment()[0].items()):
        assert Version(version) == pinned[name], f"{name} {version} in environment.yml"


def test_private_parts_were_looked_at_in_the_constraints_versions():
    from xpapp.runtime import private_parts as of_the_page
    from xpmodel import _private_parts as of_the_library

    pinned, needed = pins(), required("app")
    for name, version in (of_the_library.WRITTEN_FOR | of_the_page.WRITTEN_FOR).items():
        assert Version(version) == pinned[name], f"look again at what we reach of {name}"
        operators = {one.operator for one in needed[name].specifier}
        assert "<" in operators, f"{name} has no upper bound in pyproject.toml"


def test_environment_python():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (python,) = [d for d in dependencies if isinstance(d, str) and d.startswith("python>")]
    offered = SpecifierSet(python.removeprefix("python"))
    promised = SpecifierSet(pyproject()["requires-python"])
    for minor in range(8, 16):
        assert f"3.{minor}" in promised or f"3.{minor}" not in offered
    assert "3.11" in offered


def test_every_dependency_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text()
    for name, requirement in some(required(*EXTRAS).items()):
        (line,) = [s for s in text.splitlines() if s.strip().startswith(f'"{requirement}",')]
        reason = line.partition("#")[2].split()
        assert len(reason) >= 2, f"{name} has no reason beside it in pyproject.toml"


def test_extras_are_the_ones_that_are_checked():
    assert set(pyproject()["optional-dependencies"]) == set(EXTRAS)


def test_python_versions_of_pyproject_and_conda():
    minors = {f"3.{m}" for m in range(8, 20)}
    classified = set(re.findall(r"Python :: (3\.\d+)", " ".join(pyproject()["classifiers"])))
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (python,) = [d for d in dependencies if isinstance(d, str) and d.startswith("python>")]
    assert classified == set(SpecifierSet(python.removeprefix("python")).filter(minors))
    assert classified <= set(SpecifierSet(pyproject()["requires-python"]).filter(minors))


@pytest.mark.parametrize(("package", "extras"), [("xpmodel", ()), ("app", ("app",))])
def test_imports_are_declared(package, extras):
    distributions = packages_distributions()
    declared = set(required(*extras))
    for path in sources(package):
        for module in sorted(set(imports(path)) - sys.stdlib_module_names - {"xpmodel", "xpapp"}):
            names = {canonicalize_name(name) for name in distributions.get(module, [module])}
            assert names & declared, f"{path.relative_to(ROOT)} imports {module}, undeclared"


def test_library_never_imports_the_page():
    for path in sources("xpmodel"):
        allowed = {"xpapp"} if path == SERVES_THE_PAGE else set()
        assert set(imports(path)) & PAGE_PACKAGES == allowed, path.relative_to(ROOT)


def test_pages_packages_are_an_extra():
    page = required("app").keys() - required().keys()
    names = {name.replace("-", "_") for name in page}
    assert names == PAGE_PACKAGES - {"xpapp"} | {"param", "tornado"}


def test_importing_the_library_is_light():
    unwanted = PAGE_PACKAGES | {"gaiaxpy", "astropy", "h5py"}
    code = "import json, sys, xpmodel; print(json.dumps([m for m in sys.modules if '.' not in m]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not unwanted & set(json.loads(done.stdout))


WITHOUT_THE_PAGE = """
import sys
sys.modules |= dict.fromkeys({blocked!r})  # importing these fails, as if they were not there
import xpmodel
from xpmodel.cli.main import main
main(sys.argv[1:], prog_name="xpmodel")
"""


@pytest.mark.parametrize("app_is_there", [True, False])
def test_without_the_pages_packages(app_is_there):
    blocked = PAGE_PACKAGES | {"param", "tornado"}
    if app_is_there:
        blocked = blocked - {"xpapp"}
    code = WITHOUT_THE_PAGE.format(blocked=sorted(blocked))

    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", code, *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "app")}
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)

    for arguments in (["--help"], ["explore", "--help"], ["--version"]):
        done = run(*arguments)
        assert done.returncode == 0 and not done.stderr
    assert done.stdout == f"xpmodel, version {xpmodel.__version__}\n"
    done = run("explore")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "pip install 'xpmodel[app]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_app_is_a_folder_for_panel_with_the_page_as_a_package():
    assert {path.name for path in (ROOT / "app").glob("*.py")} == {"main.py", "app_hooks.py"}
    folders = {path.parent for path in sources("app")} - {ROOT / "app"}
    assert len(folders) > 5
    assert all((folder / "__init__.py").exists() for folder in folders)


@pytest.mark.parametrize("package", ["xpmodel", "app/xpapp"])
def test_packages_are_typed(package):
    assert (ROOT / package / "py.typed").exists()


def test_citation():
    """The fields that CFF 1.2.0 asks for, and what is to be cited."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert citation["version"] == xpmodel.__version__
    assert citation["license"] == pyproject()["license"]
    (paper,) = [one for one in citation["references"] if one["type"] == "article"]
    assert [author["family-names"] for author in paper["authors"]] == ["Laroche", "Speagle"]

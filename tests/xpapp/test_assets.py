"""Scripts and styles lie in files of their own, where a linter sees them."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xpapp.assets import asset, script

APP = Path(__file__).resolve().parents[2] / "app"
# What a script has, and what a rule of a style sheet looks like.
SCRIPT = re.compile(r"=>|\b(const|let|var) [^=]+=|\bfunction\b.*\(|\bcb_(obj|data)\b|\bdocument\.")
STYLE = re.compile(r"\{\s*[\w-]+\s*:[^{}]*[;}]")


def files(*endings: str) -> list[Path]:
    found = sorted(path for path in APP.rglob("*") if path.suffix in endings)
    assert found, APP
    return found


def strings(code: str) -> list[str]:
    """The string constants of a module but for its documentation."""
    tree = ast.parse(code)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
    ]


def foreign(code: str) -> list[str]:
    """The strings of a module that are scripts or styles."""
    return [text for text in strings(code) if SCRIPT.search(text) or STYLE.search(text)]


def test_no_script_or_style_in_a_python_string():
    calling = APP / "xpapp" / "assets.py"  # what a script exports
    for path in set(files(".py")) - {calling}:
        assert not foreign(path.read_text()), path.relative_to(APP)


@pytest.mark.parametrize(
    "code",
    [
        'CustomJS(code="cb_obj.visible = false")',
        'CustomJS(code="""\nconst {x} = cb_obj\n""")',
        'class A:\n    _esm = """export function render() {}"""',
        'WRITE = "source => source.data"',
        'BUTTON = f".bk-btn {{ color: red; {more} }}"',
        'TABLE = """\n.slick-cell { font-size: 11px; color: inherit; }\n"""',
    ],
)
def test_scripts_and_styles_are_recognized(code):
    assert foreign(code)


def test_each_file_is_used_where_it_lies():
    for path in files(".js", ".css"):
        beside = [module.read_text() for module in path.parent.glob("*.py")]
        assert any(f'"{path.name}"' in text for text in beside), path.relative_to(APP)


def test_an_asset_is_read_once(tmp_path):
    module, file = tmp_path / "view.py", tmp_path / "moves.js"
    file.write_text("once")
    assert asset(str(module), "moves.js") == "once"
    file.unlink()
    assert asset(str(module), "moves.js") == "once"
    with pytest.raises(FileNotFoundError):
        asset(str(module), "missing.js")


def test_a_script_calls_what_its_file_exports(tmp_path):
    module, file = tmp_path / "view.py", tmp_path / "moves.js"
    file.write_text("export default ({limit, most}) => limit")
    made = script(str(module), "moves.js", limit=3, most=5)
    assert made.args == {"limit": 3, "most": 5} and made.module is False
    handle, call = made.code.split("\n")
    assert handle == "const handle = ({limit, most}) => limit"
    assert call == "return handle({limit, most}, cb_obj, cb_data, cb_context)"


def test_each_script_of_bokeh_exports_one_function():
    handlers = [path for path in files(".js") if "export default" in path.read_text()]
    assert len(handlers) > 2
    for path in handlers:
        assert path.read_text().count("export ") == 1, path.relative_to(APP)


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("oxlint", path=str(Path(sys.executable).parent))
    command = [program, "-c", str(APP / ".oxlintrc.json"), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("mistake", "rule"),
    [
        ("model.busy = bussy", "no-undef"),
        ("total = 1", "no-undef"),
        ("const unused = 1", "no-unused-vars"),
        ("if (model.busy == 1) model.draw()", "eqeqeq"),
        ("let once = 1\n  model.draw(once)", "prefer-const"),
        ("var old = 1\n  model.draw(old)", "no-var"),
        ("return 1\n  model.draw()", "no-unreachable"),
        ("const draw = (model) => model.draw()\n  draw(model)", "no-shadow"),
    ],
)
def test_the_linter_finds_mistakes(tmp_path, mistake, rule):
    path = tmp_path / "view.js"
    path.write_text("export function render({model}) {\n  model.draw()\n}\n")
    clean = lint(path)
    assert clean.returncode == 0, clean.stdout
    path.write_text(f"export function render({{model}}) {{\n  {mistake}\n}}\n")
    found = lint(path)
    assert found.returncode == 1 and f"({rule})" in found.stdout, found.stdout

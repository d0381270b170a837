"""Scripts and styles that go to the browser: files beside the Python that sends them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from bokeh.models import CustomJS


@functools.cache
def asset(module: str, name: str) -> str:
    """The text of a file, read once.

    Parameters
    ----------
    module : str
        The ``__file__`` of the module that sends it and that it lies beside.
    name : str
        The file's name.
    """
    return Path(module).with_name(name).read_text("utf-8")


def script(module: str, name: str, **args: Any) -> CustomJS:
    """What Bokeh runs in the browser when something happens there.

    Parameters
    ----------
    module, name : str
        The file. Its default export is a function of args, of the model that changed or the
        event, of data and of Bokeh's context.
    args
        What the function gets as args: models, numbers, text.
    """
    # Bokeh loads a module when it is first needed, once for each event that comes till then, and
    # may so answer a move after the leave that followed it. A function is there at once.
    code = asset(module, name).replace("export default", "const handle =", 1)
    call = f"return handle({{{', '.join(args)}}}, cb_obj, cb_data, cb_context)"
    return CustomJS(args=args, code=f"{code}\n{call}", module=False)

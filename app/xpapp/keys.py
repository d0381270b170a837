"""The page's keys: how they are typed, what the help says of them, what they do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import panel_material_ui as pmui

from xpapp.spectrum.player import Player
from xpapp.state.visit import Visit

# A key moves the chosen latent by so much of its standard deviation; with Shift ten times that.
NUDGE = 0.02


class KeyActions:
    """What keys do to a visit.

    Parameters
    ----------
    visit : Visit
    player : Player
        Plays the visit's path.
    help_dialog : Dialog
        Lists the keys.
    """

    def __init__(self, visit: Visit, player: Player, help_dialog: pmui.Dialog) -> None:
        self._visit, self._cursor = visit, visit.cursor
        self._player, self._help = player, help_dialog

    def run(self, name: str) -> None:
        """Do what a press' action is called; the browser knows no other names."""
        action = ACTIONS.get(name)
        if action is not None:
            action(self)

    def undo(self) -> None:
        """Take the last change of sets or filter back."""
        self._visit.undo()

    def redo(self) -> None:
        """Do it again."""
        self._visit.redo()

    def escape(self) -> None:
        """Close the help; the maps drop their outlines by themselves."""
        self._help.open = False

    def less(self) -> None:
        """Move the chosen latent down."""
        self._cursor.nudge(-NUDGE)

    def more(self) -> None:
        """Move the chosen latent up."""
        self._cursor.nudge(NUDGE)

    def much_less(self) -> None:
        """Move the chosen latent far down."""
        self._cursor.nudge(-10 * NUDGE)

    def much_more(self) -> None:
        """Move the chosen latent far up."""
        self._cursor.nudge(10 * NUDGE)

    def release(self) -> None:
        """End the move that a held key makes."""
        self._cursor.release()

    def latent_before(self) -> None:
        """Choose the latent before."""
        self._cursor.choose(-1)

    def latent_after(self) -> None:
        """Choose the next latent."""
        self._cursor.choose(1)

    def lock(self) -> None:
        """Lock the chosen latent, or let it go."""
        chosen = self._cursor.chosen
        self._cursor.lock(chosen, chosen not in self._cursor.locked)

    def reset(self) -> None:
        """Go back to the catalog's median."""
        self._cursor.reset()

    def play(self) -> None:
        """Play the path, or pause."""
        self._player.toggle()

    def help(self) -> None:
        """Open the help, or close it."""
        self._help.open = not self._help.open


@dataclass(frozen=True)
class Press:
    """A key as the browser reports it, and what it does.

    Attributes
    ----------
    key : str
        The event's ``key`` in lower case.
    action : callable
        A method of `KeyActions`.
    control, shift, alt : bool, optional
        Whether Ctrl (or ⌘), Shift and Alt are held; None where it does not matter.
    event : str
        What the key does.
    where : str
        In a text field keys are the field's own, and sliders, tabs and lists have their own use
        for some.
    """

    key: str
    action: Callable[[KeyActions], None]
    _: KW_ONLY
    control: bool | None = False
    shift: bool | None = False
    alt: bool | None = False
    event: Literal["keydown", "keyup"] = "keydown"
    where: Literal["everywhere", "outside text", "outside controls"] = "outside controls"

    @property
    def for_browser(self) -> dict[str, Any]:
        """The press as data, its action by name."""
        return dataclasses.asdict(self) | {"action": self.action.__name__}


@dataclass(frozen=True)
class Shortcut:
    """A line of the help.

    Attributes
    ----------
    typed, meaning : str
        What the visitor does, and what comes of it.
    presses : tuple of Press
        None for what the mouse does.
    """

    typed: str
    meaning: str
    presses: tuple[Press, ...] = ()


_ANY: dict[str, Any] = {"control": None, "shift": None, "alt": None}
_CONTROL: dict[str, Any] = {"control": True, "alt": None, "where": "outside text"}
_RELEASED: dict[str, Any] = _ANY | {"event": "keyup", "where": "outside text"}

SHORTCUTS = (
    Shortcut(
        "Ctrl Z, ⌘ Z",
        "undo the last change of sets or filter",
        (Press("z", KeyActions.undo, **_CONTROL),),
    ),
    Shortcut(
        "Ctrl Shift Z, Ctrl Y",
        "do it again",
        (
            Press("z", KeyActions.redo, shift=True, **_CONTROL),
            Press("y", KeyActions.redo, **_CONTROL | {"shift": None}),
        ),
    ),
    Shortcut(
        "Esc",
        "drop the outline being drawn; close what is open",
        (Press("escape", KeyActions.escape, **_ANY, where="everywhere"),),
    ),
    Shortcut("Shift + drag", "add what the outline holds to the set"),
    Shortcut("Alt + drag", "subtract it"),
    Shortcut("Shift Alt + drag", "keep only what is in both"),
    Shortcut("Wheel", "zoom a map; over an axis, that axis alone"),
    Shortcut("Click on a map", "go to the nearest star, or the point of a track"),
    Shortcut("Alt + click on a map", "go to the place itself"),
    Shortcut(
        "← →",
        "move the latent marked ▸ (with Shift ten times as far)",
        (
            Press("arrowleft", KeyActions.less),
            Press("arrowright", KeyActions.more),
            Press("arrowleft", KeyActions.much_less, shift=True),
            Press("arrowright", KeyActions.much_more, shift=True),
            Press("arrowleft", KeyActions.release, **_RELEASED),
            Press("arrowright", KeyActions.release, **_RELEASED),
        ),
    ),
    Shortcut(
        "↑ ↓",
        "mark another latent",
        (
            Press("arrowup", KeyActions.latent_before),
            Press("arrowdown", KeyActions.latent_after),
            Press("arrowup", KeyActions.release, **_RELEASED),
            Press("arrowdown", KeyActions.release, **_RELEASED),
        ),
    ),
    Shortcut("L", "lock it, or let it go", (Press("l", KeyActions.lock),)),
    Shortcut("R", "go back to the catalog's median", (Press("r", KeyActions.reset),)),
    Shortcut("P", "play the path, or pause", (Press("p", KeyActions.play),)),
    Shortcut(
        "?",
        "this list",
        (Press("?", KeyActions.help, shift=None, alt=None, where="outside text"),),
    ),
)
PRESSES = tuple(press for shortcut in SHORTCUTS for press in shortcut.presses)
ACTIONS = {press.action.__name__: press.action for press in PRESSES}

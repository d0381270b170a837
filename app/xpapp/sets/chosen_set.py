"""Which set a view is about: the visit's own choice, or what the visitor has chosen in the view."""

from __future__ import annotations

from xpapp.state.visit import Visit


class ChosenSet:
    """Keeps a view's choice of a set while sets are only renamed, recolored or hidden.

    When stars come into sets or go, another set is active, or another filter shows others, the
    choice goes to the visit's own.
    """

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()
        self._names: list[str] = []

    def follow(self, visit: Visit, own: str, chosen: str | None) -> str:
        """What is to be chosen now.

        Parameters
        ----------
        visit : Visit
        own : str
            The visit's own choice; not always a set's name.
        chosen : str, optional
            What the view shows till now; not always a set's name.
        """
        names = [star_set.name for star_set in visit.sets]
        active = names.index(visit.active_set)
        seen = (visit.shown, active, *(star_set.steps for star_set in visit.sets))
        same = len(seen) == len(self._seen) and all(
            one is other for one, other in zip(seen, self._seen, strict=True)
        )
        new_name = dict(zip(self._names, names, strict=True)) if same else {}
        self._seen, self._names = seen, names
        if not same or chosen is None:
            return own
        return new_name.get(chosen, chosen)

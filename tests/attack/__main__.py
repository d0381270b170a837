"""``python -m tests.attack NAME [OPTION…]``: attack the commands or a served page; or ``all``."""

from __future__ import annotations

import importlib
import sys

NAMES = {
    "inputs": "malformed files, to each reader and command",
    "kills": "SIGKILL in the midst of build, encode, train, mock and select",
    "visitors": "visitors who all drag at once, against one",
    "visit_memory": "what closed visits leave in the server's memory",
    "gestures": "random gestures with a real mouse",
}


def main(arguments: list[str]) -> int:
    if arguments == ["all"]:
        return max([_attack(name, []) for name in NAMES])
    if not arguments or arguments[0] not in NAMES:
        for name, what in NAMES.items():
            print(f"{name:<14}{what}", file=sys.stderr)
        return 2
    return _attack(arguments[0], arguments[1:])


def _attack(name: str, options: list[str]) -> int:
    print(f"\n## {name}\n", flush=True)
    return importlib.import_module(f"tests.attack.{name}").main(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

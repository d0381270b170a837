"""``python -m tests.bench [NAME…]``: run the benchmarks, or some of them, and print a table."""

from __future__ import annotations

import importlib
import sys

from tests.bench.measure import Row, Skipped, cells, machine, table

NAMES = (
    *("wavelengths", "encode", "encode_command", "lasso", "maps", "slider", "visitors"),
    *("groups", "decode", "event_loop", "small_files"),
)


def main(names: list[str]) -> int:
    for name in names:
        if name not in NAMES:
            print(f"no benchmark {name!r}; there are {', '.join(NAMES)}", file=sys.stderr)
            return 2
    rows: list[Row] = []
    skipped: list[str] = []
    for name in names or NAMES:
        print(f"{name} …", file=sys.stderr)
        try:
            for row in importlib.import_module(f"tests.bench.{name}").rows():
                rows.append(row)
                print("  ".join(cells(row)), file=sys.stderr, flush=True)
        except Skipped as reason:
            skipped.append(f"{name}: skipped, {reason}")
    print(machine())
    print()
    print(table(rows))
    print()
    for row in rows:
        print(f"{row.name}: {row.what}")
    print(*skipped, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Moves a SQLite column from a Django Fernet field's cells to tokens under a ring's first key. Python alone, and cofferctl.

Values pass through `cofferctl field adopt` sealed both ways: nothing plain is here or on the disk. Each batch is one transaction
and changes a row only if it still holds what was read, so it may be interrupted, and run again, and beside a running application.
"""
import argparse, sqlite3, subprocess, sys

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("database")
arguments.add_argument("table")
arguments.add_argument("column")
arguments.add_argument("--keyring", required=True)
arguments.add_argument("--cofferctl", default="cofferctl")
arguments.add_argument("--batch", type=int, default=1000)
given = arguments.parse_args()
table, column = ('"%s"' % name.replace('"', '""') for name in (given.table, given.column))

database = sqlite3.connect(given.database, timeout=30, isolation_level=None)
database.execute("PRAGMA secure_delete = ON")  # what is replaced is overwritten
last, moved, left, other = -(2**63), 0, 0, 0
while True:
    rows = database.execute(
        f"SELECT rowid, {column} FROM {table} WHERE rowid > ? AND {column} <> '' ORDER BY rowid LIMIT ?",
        (last, given.batch)).fetchall()
    if not rows:
        break
    last = rows[-1][0]
    cells = [row for row in rows if isinstance(row[1], str) and row[1].startswith(("Z0FBQUFB", "gAAAAA"))]
    other += len(rows) - len(cells)  # values never encrypted stay, and are told
    text = "".join(cell.strip() + "\n" for _, cell in cells)
    adopted = subprocess.run([given.cofferctl, "field", "adopt", "--keyring", given.keyring],
                             input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if adopted.returncode:
        sys.exit(f"rows {rows[0][0]} to {last}: {adopted.stderr}{moved} moved before")
    tokens = adopted.stdout.splitlines()
    if len(tokens) != len(cells):
        sys.exit("cofferctl answered with another number of values; nothing of this batch was written")
    database.execute("BEGIN IMMEDIATE")
    for (row, cell), token in zip(cells, tokens):
        if token == cell:
            left += 1
        else:
            moved += database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ? AND {column} = ?",
                                      (token, row, cell)).rowcount
    database.execute("COMMIT")
print(f"adopted: {moved} moved, {left} were tokens of the first key before, {other} never encrypted and left")

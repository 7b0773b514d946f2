"""What can befall a file: bytes, cells, keys, members of archives, columns and variables.

Every function takes the sound content and a source of chance, which Hypothesis drives and shrinks,
and gives content that is hurt in one or a few ways. What it gives may still be sound.
"""

from __future__ import annotations

import copy
import csv
import datetime
import io
import json
import math
import pickle
import re
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
import openpyxl  # type: ignore[import-untyped]
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

TEXTS = (
    "", " ", "x", "=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)", "-", "1e999", "-1e999", "1e308",
    "-1e308", "1e-320", "NaN", "nan", "inf", "-inf", "Infinity", "-1", "0", "-0.0", "1", "2",
    "1.5", "0.5", "9" * 400, "9" * 20, "1_000", "1,234.50", "1.234,5", "5%", "*0.8", "10M",
    "0x10", "010", "true", "null", "None", "~", "2027-01-01", "2027-13-45", "0000-00-00",
    "9999-12-31", "2027-W54", "27/1/2", "٢٠٢٧", "²", "１２", "½", "\ufeff1", "\u202e12", "\u200f",
    "\u2028", "\x00", "\x07", "\x1b[31mred", "a\nb", "a\rb", '"', "'", "a,b;c\td", "😀", "é",
    "搜索",
    "x" * 3_000, "a.b.c", "..", "*", "channels", "../../etc/passwd", "/dev/zero", "CON", "%s%n",
    "{0.__class__}", "$(true)", "<script>", "draw",
)  # fmt: skip
"""What stands in a cell or under a key where something else belongs."""

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 1.5, -0.0, 10**30, 10**400, 1e308, -1e308, 5e-324, math.nan,
    math.inf, -math.inf, [], {}, [[]], [{}], {"": None}, [None], [0, 0], [1, "x"],
    {"a": {"b": {"c": []}}},
)  # fmt: skip
"""What stands in plain data where something else belongs."""

_BLOCKS = (
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00", b"\x00" * 64, b"\xff" * 8, b"\xc0\x80",
    b"\xed\xa0\x80", b"\r", b"\n\n", b'"', b"'", b",", b";", b"{", b"[", b"]", b"}",
    b"PK\x03\x04", b"\x1f\x8b\x08", b"\x80\x04\x95", b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"PAR1",
    b"%PDF-1.4", b"&a [*a]",
)  # fmt: skip


def damaged(content: bytes, chance: Random) -> bytes:
    """Cut short, with bytes changed, left out, doubled or put in."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(made))
        match chance.randint(0, 5):
            case 0:
                del made[at:]
            case 1 if made:
                for _ in range(chance.randint(1, 6)):
                    made[chance.randint(0, len(made) - 1)] = chance.randint(0, 255)
            case 2:
                del made[at : at + chance.randint(1, 200)]
            case 3:
                made[at:at] = made[at : at + chance.randint(1, 400)]
            case 4:
                made[at:at] = chance.choice(_BLOCKS)
            case _:
                made[:0] = chance.choice(_BLOCKS)
    return bytes(made)


def _encoded(text: str, chance: Random) -> bytes:
    """Text as bytes, now and then in another encoding than is asked for."""
    names = (
        "utf-8",
        "utf-8",
        "utf-8",
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-be",
        "gb18030",
        "cp1252",
    )
    return text.encode(chance.choice(names), "replace")


# --- Tables of text -------------------------------------------------------------------------------


def hurt_csv(content: bytes, chance: Random) -> bytes:
    """A table with other cells, titles, rows, separators or encoding; or damaged bytes."""
    if chance.randint(0, 4) == 0:
        return damaged(content, chance)
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    for _ in range(chance.randint(1, 3)):
        _hurt_rows(rows, chance)
    stream = io.StringIO()
    separator = chance.choice((",", ",", ",", ",", ";", "\t", "|"))
    ending = chance.choice(("\n", "\n", "\r\n", "\r"))
    csv.writer(stream, delimiter=separator, lineterminator=ending).writerows(rows)
    return _encoded(stream.getvalue(), chance)


def _hurt_rows(rows: list[list[str]], chance: Random) -> None:
    if not rows or not max(map(len, rows)):
        rows.append([chance.choice(TEXTS)])
        return
    row = rows[chance.randint(0, len(rows) - 1)]
    column = chance.randint(0, max(len(rows[0]) - 1, 0))
    match chance.randint(0, 11):
        case 0 | 1 | 2 | 3 if row:
            row[chance.randint(0, len(row) - 1)] = chance.choice(TEXTS)
        case 4:  # a whole column
            text = chance.choice(TEXTS)
            for one in rows[1:]:
                one[column : column + 1] = [text]
        case 5 if rows[0]:  # a title, that of another column among them
            rows[0][column] = chance.choice((*TEXTS, *rows[0]))
        case 6:
            for one in rows:
                del one[column : column + 1]
        case 7:  # a column twice
            for one in rows:
                one[column:column] = one[column : column + 1]
        case 8:
            rows.remove(row)
        case 9:
            rows.append(list(row))
        case 10:
            row += [chance.choice(TEXTS)] * chance.randint(1, 3)
        case _:
            chance.shuffle(rows)


# --- Plain data: JSON and YAML --------------------------------------------------------------------


def hurt_json(content: bytes, chance: Random) -> bytes:
    """An object with other values and keys, keys twice, deeper; or damaged bytes."""
    if chance.randint(0, 4) == 0:
        return damaged(content, chance)
    text = _dumped(hurt_tree(json.loads(content.decode("utf-8-sig")), chance))
    if chance.randint(0, 9) == 0:
        text = _with_key_twice(text, chance)
    return _encoded(text, chance)


def hurt_tree(tree: Any, chance: Random) -> Any:
    """Plain data, a copy, with a few of its values or keys changed."""
    tree = json.loads(_dumped(tree))
    for _ in range(chance.randint(1, 3)):
        holder = tree
        while True:
            keys = _keys(holder)
            if not keys:
                break
            key = chance.choice(keys)
            if _keys(holder[key]) and chance.randint(0, 4):
                holder = holder[key]
                continue
            _hurt_item(holder, key, chance)
            break
    return tree


def _keys(holder: Any) -> list[Any]:
    """What the values of a list or mapping are found by."""
    if isinstance(holder, dict):
        return list(holder)
    return list(range(len(holder))) if isinstance(holder, list) else []


def _hurt_item(holder: Any, key: Any, chance: Random) -> None:
    match chance.randint(0, 8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[chance.choice((*TEXTS, *holder))] = holder.pop(key)
        case 2 if isinstance(holder, dict):
            holder[chance.choice(TEXTS)] = copy.deepcopy(chance.choice(VALUES))
        case 2:
            holder.insert(key, holder[key])
        case 3:
            holder[key] = [holder[key]]
        case 4:
            for _ in range(chance.choice((2, 40, 150))):
                holder[key] = {"a": holder[key]} if chance.randint(0, 1) else [holder[key]]
        case 5 | 6:
            holder[key] = chance.choice(TEXTS)
        case 7 if isinstance(holder[key], int | float) and abs(holder[key]) < 1e300:
            holder[key] = chance.choice((-1, 0, 1e-300, 1e6, 1e300)) * holder[key]
        case _:
            holder[key] = copy.deepcopy(chance.choice(VALUES))  # to be hurt in its turn


def _dumped(tree: Any) -> str:
    return json.dumps(tree, ensure_ascii=False)


def _with_key_twice(text: str, chance: Random) -> str:
    """JSON with one of its keys and plain values written twice."""
    pairs = list(re.finditer(r'"[^"]{1,40}": [\w.]+', text))
    if not pairs:
        return text
    pair = pairs[chance.randint(0, len(pairs) - 1)]
    return f"{text[: pair.start()]}{pair[0]}, {text[pair.start() :]}"


_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [{', '.join([f'*{chr(97 + k)}'] * 9)}]\n" for k in range(9)
)
_LINES = (
    _BOMB, "x: &x [*x]", "<<: {budget: 1}", "? [a, b]\n: c", "---", "...", "%YAML 9.9",
    "\tkey: 1", "key: !!python/object/apply:os.system ['true']", "key: !!binary aGk=",
    "key: !!float x", "key: !!set {a, b}", "key: !!timestamp 2027-01-01", "key: *none",
    "key: |\n text", "key: >-\n a", "- item", "key: 1: 2", "'key': \"\\ud800\"", "key: \"\\x00\"",
    "key: 'open", "key: {open", "key: [open", "budget: 1e400", "name: 2027-01-01",
    "extends: nowhere", "extends: ../../etc/passwd", "null: 1", ": 1", "# comment", "key: @x",
    "key: `x`", "key: " + "[" * 60, "key: " + "{a: " * 60, "\u2028key: 1", "&a : 1",
)  # fmt: skip
"""Lines that a YAML file had better not hold."""


def hurt_yaml(content: bytes, chance: Random) -> bytes:
    """Words replaced, lines put in, left out, doubled or indented anew; or damaged bytes."""
    if chance.randint(0, 5) == 0:
        return damaged(content, chance)
    lines = content.decode("utf-8").split("\n")
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(lines) - 1)
        indent = re.match(" *", lines[at])[0]  # type: ignore[index]
        match chance.randint(0, 8):
            case 0:
                del lines[at]
                lines = lines or [""]
            case 1:
                lines.insert(at, lines[chance.randint(0, len(lines) - 1)])
            case 2:
                lines.insert(at, indent + chance.choice(_LINES))
            case 3:
                lines[at] = " " * chance.randint(0, 8) + lines[at].strip()
            case _:
                lines[at] = _with_other_word(lines[at], chance)
    return _encoded("\n".join(lines), chance)


def _with_other_word(line: str, chance: Random) -> str:
    words = list(re.finditer(r"[\w.%*]+", line))
    if not words:
        return line + chance.choice(TEXTS)
    word = words[chance.randint(0, len(words) - 1)]
    other = chance.choice((*TEXTS, *map(str, VALUES)))
    return line[: word.start()] + other + line[word.end() :]


# --- Workbooks ------------------------------------------------------------------------------------

DAY = datetime.datetime.fromisoformat("2027-01-01")

_CELLS = (
    *(text for text in TEXTS if not re.search("[\x00-\x08\x0b-\x1f]", text)), True, 0, -1, 1e308,
    10**30, DAY, datetime.date(1900, 1, 1), datetime.time(1), None,
    "#DIV/0!", datetime.timedelta(days=400),
)  # fmt: skip

_PARTS = (
    '<!DOCTYPE l [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    + "".join(f'<!ENTITY {chr(99 + k)} "{f"&{chr(98 + k)};" * 10}">' for k in range(9)) + "]>",
    '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    '<dimension ref="A1:XFD1048576"/>', '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
    '<c r="A1" t="s"><v>99999</v></c>', '<c r="A1" t="d"><v>2027-99-99</v></c>', "<c/>", "&k;",
    "</row>", '<c r="ZZZZ0" t="zz"><v>x</v></c>', '<c r="A1" t="n"><v>1e999</v></c>',
    '<c r="A1" s="99"><v>1</v></c>', '<c r="A1" t="n"><v>x</v></c>',
    '<c r="A1" t="inlineStr"><is/></c>', '<c r="A1" t="b"><v>7</v></c>',
)  # fmt: skip


def hurt_xlsx(content: bytes, chance: Random) -> bytes:
    """A workbook with other cells or sheets, an archive with other parts; or damaged bytes."""
    kind = chance.randint(0, 5)
    if kind == 0:
        return damaged(content, chance)
    if kind == 1:
        return _with_other_parts(content, chance)
    book = openpyxl.load_workbook(io.BytesIO(content))
    for _ in range(chance.randint(1, 3)):
        sheet = chance.choice(book.worksheets)
        row = chance.randint(1, max(sheet.max_row, 1))
        column = chance.randint(1, max(sheet.max_column, 1))
        match chance.randint(0, 9):
            case 0:
                sheet.delete_rows(row)
            case 1:
                sheet.delete_cols(column)
            case 2:
                sheet.title = chance.choice(("Sheet", "x", "数据", "lines ", "PLAN"))
            case 3:
                book.create_sheet("more")
            case 4 if len(book.worksheets) > 1:
                book.remove(sheet)
            case 5:
                sheet.insert_cols(column)
            case 6:
                sheet.merge_cells(
                    start_row=row, start_column=column, end_row=row + 1, end_column=column
                )
            case _:
                cell = sheet.cell(row, column)
                if type(cell).__name__ == "Cell":  # the rest of merged cells cannot be written
                    cell.value = chance.choice(_CELLS)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _with_other_parts(content: bytes, chance: Random) -> bytes:
    """An archive with a part that is damaged, left out, or holds XML made to harm."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        names = old.namelist()
        hurt = chance.choice(
            [name for name in names if "sheet" in name or "haredS" in name] + names
        )
        for name in names:
            part = old.read(name)
            if name == hurt:
                match chance.randint(0, 3):
                    case 0:
                        continue
                    case 1:
                        part = damaged(part, chance)
                    case _:
                        ends = [found.end() for found in re.finditer(b">", part)] or [0]
                        at = chance.choice(ends[:60])
                        part = part[:at] + chance.choice(_PARTS).encode() + part[at:]
            new.writestr(name, part)
    return stream.getvalue()


# --- Parquet --------------------------------------------------------------------------------------


def _columns(n: int) -> dict[str, pa.Array]:
    """Columns of every type that should not be there."""
    day = datetime.date(2027, 1, 1)
    return {
        "nothing": pa.nulls(n),
        "texts": pa.array(["x"] * n),
        "empty texts": pa.array([""] * n),
        "formulas": pa.array(["=1+1"] * n),
        "numbers as texts": pa.array(["1.5"] * n),
        "bytes": pa.array([b"\xff"] * n, pa.binary()),
        "yes": pa.array([True] * n),
        "nan": pa.array([math.nan] * n),
        "inf": pa.array([math.inf] * n),
        "huge": pa.array([1e308] * n),
        "below": pa.array([-1.0] * n),
        "zero": pa.array([0] * n),
        "largest": pa.array([2**63 - 1] * n),
        "unsigned": pa.array([2**64 - 1] * n, pa.uint64()),
        "lists": pa.array([[1, 2]] * n),
        "structs": pa.array([{"a": 1}] * n),
        "decimals": pa.array([Decimal("1.5")] * n),
        "dates": pa.array([day] * n),
        "times": pa.array([DAY] * n),
        "zoned": pa.array([datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)] * n),
        "spans": pa.array([datetime.timedelta(1)] * n),
        "words": pa.array(["x"] * n).dictionary_encode(),
        "small": pa.array(np.ones(n, np.float16)),
    }


def hurt_parquet(content: bytes, chance: Random) -> bytes:
    """A table with other columns, types, rows or titles; or damaged bytes."""
    if chance.randint(0, 3) == 0:
        return damaged(content, chance)
    table = pq.read_table(pa.BufferReader(content))
    for _ in range(chance.randint(1, 3)):
        names, n = table.column_names, table.num_rows
        if not names:
            break
        at = chance.randint(0, len(names) - 1)
        other = chance.choice(list(_columns(0)))
        match chance.randint(0, 6):
            case 0:
                table = table.remove_column(at)
            case 1:
                table = table.append_column(chance.choice((*names, *TEXTS)), table.column(at))
            case 2:
                names[at] = chance.choice((*names, *TEXTS))
                table = table.rename_columns(names)
            case 3:
                table = table.slice(chance.randint(0, n), chance.randint(0, n))
            case 4:  # one cell of a column is nothing
                column = table.column(at).to_pylist()
                if column:
                    column[chance.randint(0, n - 1)] = None
                made = pa.array(column, table.schema.field(at).type)
                table = table.set_column(at, names[at], made)
            case _:
                table = table.set_column(at, names[at], _columns(n)[other])
    if chance.randint(0, 1):  # what pandas would make of it
        table = table.replace_schema_metadata(None)
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


# --- DataFrames -----------------------------------------------------------------------------------

_TITLES: tuple[Any, ...] = (
    *TEXTS, None, math.nan, 1, -1.5, True, DAY, ("a", "b"), (), b"x", pd.NaT, pd.NA,
)  # fmt: skip


def hurt_frame(content: bytes, chance: Random) -> bytes:
    """A pickled DataFrame with other columns, cells, titles, rows, types or index."""
    frame: pd.DataFrame = pickle.loads(content)
    for _ in range(chance.randint(1, 3)):
        frame = _other_frame(frame, chance)
    return pickle.dumps(frame)


def _other_frame(frame: pd.DataFrame, chance: Random) -> pd.DataFrame:
    n, width = frame.shape
    if not n or not width:
        return frame
    row, at = chance.randint(0, n - 1), chance.randint(0, width - 1)
    titles, columns = list(frame.columns), [frame.iloc[:, k] for k in range(width)]
    match chance.randint(0, 8):
        case 0:
            titles[at] = chance.choice((*titles, *_TITLES))
        case 1:
            del titles[at], columns[at]
        case 2:
            titles.append(chance.choice(titles))
            columns.append(columns[at])
        case 3:
            own = columns[at].tolist()
            own[row] = copy.deepcopy(chance.choice((*VALUES, *_TITLES)))
            columns[at] = pd.Series(own, frame.index, dtype=object)
        case 4:
            made = chance.choice(list(_columns(n).values()))
            kind = pd.ArrowDtype if chance.randint(0, 1) else None
            columns[at] = made.to_pandas(types_mapper=kind).set_axis(frame.index)
        case 5:
            rows = chance.choice(([], [row], [*range(n), row], list(range(n))[::-1]))
            return frame.iloc[rows]
        case 6:
            kind = chance.choice(("category", "string", object))
            columns[at] = columns[at].astype(kind)
        case 7 if width > 1 and titles.count(titles[at]) == 1:  # what groupby leaves
            return frame.set_index(titles[at], drop=bool(chance.randint(0, 1)))
        case _:
            pairs = pd.MultiIndex.from_tuples([(str(title), "x") for title in titles])
            return frame.set_axis(pairs, axis=1)
    made = pd.concat(columns, axis=1) if columns else frame.iloc[:, []]
    return made.set_axis(pd.Index(titles, dtype=object, tupleize_cols=False), axis=1)


# --- NetCDF ---------------------------------------------------------------------------------------


def hurt_netcdf(content: bytes, chance: Random) -> bytes:
    """A NetCDF-4 file with other variables, values, types and attributes; or damaged bytes."""
    if chance.randint(0, 2) == 0 or not content.startswith(b"\x89HDF"):
        return damaged(content, chance)
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        variables: list[str] = []
        file.visititems(
            lambda name, one: variables.append(name) if isinstance(one, h5py.Dataset) else None
        )
        for _ in range(chance.randint(1, 2)):
            _hurt_variable(file, chance.choice(variables), chance)
    return stream.getvalue()


def _hurt_variable(file: Any, name: str, chance: Random) -> None:
    """One variable of an HDF5 file, or an attribute of the file, made another."""
    if name not in file:
        return
    held, kind = file[name], chance.randint(0, 7)
    holder: Any = chance.choice((file, held))
    if kind <= 2 and held.dtype.kind in "iuf" and 0 < held.size <= 10**6:  # to be written whole
        place = tuple(chance.randint(0, size - 1) for size in held.shape)
        value = chance.choice((math.nan, math.inf, -math.inf, -1.0, 0.0, 1e308, 5e-324))
        if abs(value) <= 1 or held.dtype == np.float64:
            held[place if kind else ...] = value
    elif kind == 3:
        del file[name]
    elif kind == 4 and len(holder.attrs):
        own = sorted(
            name
            for name in holder.attrs
            if not name.startswith(("_", "DIM", "CLASS", "NAME", "REF"))
        )
        if own:
            holder.attrs[chance.choice(own)] = chance.choice(
                (*TEXTS[:60], 1, math.nan, "[]", "{}", "[1]")
            )
    elif kind == 5 and len(holder.attrs):
        del holder.attrs[chance.choice(sorted(holder.attrs))]
    else:  # another type or size under the same name
        shape = chance.choice((held.shape, (), (0,), (1,), (3,), (*held.shape, 2), (10**7, 10**3)))
        dtype = chance.choice(("f4", "i8", "S3", h5py.string_dtype(), np.dtype([("a", "f8")]), "?"))
        del file[name]
        file.create_dataset(
            name, shape, dtype, **({"chunks": True} if np.prod(shape) > 10**6 else {})
        )


# --- By ending ------------------------------------------------------------------------------------

BY_ENDING: dict[str, Callable[[bytes, Random], bytes]] = {
    ".csv": hurt_csv,
    ".json": hurt_json,
    ".yaml": hurt_yaml,
    ".xlsx": hurt_xlsx,
    ".parquet": hurt_parquet,
    ".nc": hurt_netcdf,
    ".pickle": hurt_frame,
}


def hurt(path: Path, content: bytes, chance: Random) -> bytes:
    """The content of a file of that name, hurt as befits its form."""
    return BY_ENDING.get(path.suffix, damaged)(content, chance)

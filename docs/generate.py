"""Write the reference pages that follow from the code.

    python docs/generate.py          write them
    python docs/generate.py --check  say which are out of date; exit 1 if any is

A new field, kind, command or error is on its page at once. A type that has no words yet is an
error here, so that none is forgotten.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from optimizer import errors  # noqa: E402
from optimizer.plan.carryover import CARRYOVERS, Goodwill, Lift  # noqa: E402
from optimizer.plan.commitment import Commitment  # noqa: E402
from optimizer.plan.constraints import CONSTRAINTS, PRESETS  # noqa: E402
from optimizer.plan.curves import CURVES  # noqa: E402
from optimizer.plan.funnel import Funnel, Renewal  # noqa: E402
from optimizer.plan.objectives import OBJECTIVES  # noqa: E402
from optimizer.plan.periods import Periods  # noqa: E402
from optimizer.plan.plan import Line, Origin, Plan  # noqa: E402
from optimizer.plan.risk import RISKS  # noqa: E402
from optimizer.plan.uncertainty import Factor, Range, State, Uncertainty  # noqa: E402

REFERENCE = ROOT / "docs" / "reference"

NOTE = "<!-- Made by docs/generate.py; do not edit. -->\n"

# Every type a field may have, in the words of a person who writes a scenario.
WORDS = {
    "Positive": "number above 0",
    "Number | None": "number",
    "Annotated[Number, Field(ge=0)]": "number, 0 or more",
    "Annotated[Number, Field(ge=0)] | None": "number, 0 or more",
    "Annotated[Number, Field(gt=0, le=1)]": "number above 0, at most 1",
    "Annotated[Number, Field(gt=0, le=20)]": "number above 0, at most 20",
    "Fraction": "number between 0 and 1",
    "Money": "money",
    "Money | None": "money",
    "Annotated[Money, Field(gt=0)]": "number above 0",
    "Annotated[tuple[Money, ...], AfterValidator(_knots)]": "list of money, two or more",
    "tuple[Annotated[Number, Field(ge=0)], ...]": "list of numbers, 0 or more",
    "Amount": "money or %",
    "Amount | None": "money or %",
    "Proportion": "share",
    "Proportion | None": "share",
    "Annotated[Proportion, Field(gt=0)]": "share above 0",
    "Count | None": "whole number",
    "Penalty": "number above 0",
    "Shares": "`6:4`, or group: share",
    "PresetName | None": "[preset](#split)",
    "str": "text",
    "str | None": "text",
    "Per": "text",
    "Where": "[lines](#which-lines-where)",
    "Annotated[dict[str, Number], Sorted]": "name: number",
    "Annotated[dict[str, Proportion], Sorted]": "stage: share",
    "Annotated[dict[str, Money], Sorted]": "stage: money",
    "Annotated[tuple[str, ...], Field(min_length=1)]": "list of texts",
    "Annotated[str, Field(pattern=CURRENCY)]": "three capital letters",
    "Curve": "[curve](#curves)",
    "Role | None": "`brand` or `traffic`",
    "Split | None": "[split](#split)",
    "Objective": "[objective](#objectives)",
    "Funnel | None": "[funnel](#funnel)",
    "tuple[Constraint, ...]": "name: [rule](#constraints)",
    "dict[str, Origin]": "path: [origin](#origins)",
    "Annotated[dict[str, str], AfterValidator(sorted_mapping)]": "name: text",
    "Annotated[dict[str, Number], AfterValidator(sorted_mapping)]": "line: number",
    "Annotated[dict[str, Money], BeforeValidator(labelled), AfterValidator(sorted_mapping)]": (
        "period: money"
    ),
    "Annotated[dict[str, Amount], BeforeValidator(labelled)]": "period: money or %",
    "Annotated[dict[str, Delay], Sorted]": "stage: periods, or list of shares",
    "Annotated[dict[str, NumberOrSeries], Sorted]": "stage: number, or [series](#series)",
    "Annotated[tuple[str, ...], BeforeValidator(_labels)]": "list of periods",
    "Annotated[str, BeforeValidator(period_name)]": "period",
    "Annotated[int, Field(ge=0, le=_LONGEST)]": "whole number",
    "Annotated[int, Field(ge=1, le=_LONGEST)]": "whole number above 0",
    "Annotated[int, Field(ge=1, le=_LONGEST)] | None": "whole number above 0",
    "Annotated[int, BeforeValidator(no_bool), Field(ge=2)]": "whole number, 2 or more",
    "Annotated[Proportion, Field(gt=0, lt=1)]": "share above 0, below 1",
    "Annotated[Positive, Field(le=100)]": "number above 0, at most 100",
    "Annotated[Positive, Field(le=366)]": "number above 0, at most 366",
    "Annotated[Money, Field(gt=0)] | None": "number above 0",
    "Annotated[Number, Field(gt=0)] | None": "number above 0",
    "Positive | None": "number above 0",
    "Annotated[dict[str, Lift], AfterValidator(sorted_mapping)]": "line: [lift](#lifts)",
    "Length": "whole number above 0",
    "Length | None": "whole number above 0",
    "Annotated[tuple[Annotated[Number, Field(ge=0)], ...], AfterValidator(_some)]": (
        "list of numbers, at least 0"
    ),
    "Before | None": "money, or list of money",
    "Series | None": "[series](#series)",
    "bool": "`true` or `false`",
    "Periods | None": "[periods](#periods)",
    "Uncertainty | None": "[uncertainty](#uncertainty)",
    "Risk | None": "[risk](#risk)",
    "Commitment | None": "[commitment](#commitment)",
    "Annotated[int, Field(ge=2, le=32)] | None": "whole number, 2 to 32",
    "Where | None": "[lines](#which-lines-where)",
    "Annotated[str | None, BeforeValidator(_named)]": "period",
    "Limits | None": "two numbers, or two factors",
    "Draws | None": "list of numbers, or a file",
    "Annotated[Proportion, Field(gt=0, le=1)]": "share above 0",
    "Annotated[Number, Field(gt=0)]": "number above 0",
    "Annotated[Number, Field(ge=0, lt=1)]": "number from 0, below 1",
    "Literal['lognormal', 'normal', 'uniform', 'triangular']": (
        "`lognormal`, `normal`, `uniform` or `triangular`"
    ),
    "tuple[str, ...]": "list of paths",
    "dict[str, Any]": "path: value",
    "dict[str, Range]": "path: [range](#range)",
    "dict[str, Factor]": "name: [factor](#factor)",
    "dict[str, State]": "name: [state](#state)",
    "Annotated[int, Field(ge=2, le=1000000)] | None": "whole number, 2 or more",
    "Annotated[int, Field(ge=0)]": "whole number",
    "Goodwill | None": "[goodwill](#goodwill)",
    "Carryover | None": "[carry-over](#carry-over)",
    "Renewal | None": "[renewal](#renewal)",
    "Literal['week', 'month', 'quarter']": "`week`, `month` or `quarter`",
    "Literal['survival', 'density']": "`survival` or `density`",
    "Literal['b2b', 'b2c', 'none']": "`b2b`, `b2c` or `none`",
    "Literal['A', 'B', 'C', 'assumption', 'given']": "`A`, `B`, `C`, `assumption` or `given`",
}


def _markdown(text: str) -> str:
    """A docstring's words as Markdown, on one line."""
    text = re.sub(r":\w+:`([^`]+)`", r"`\1`", text.replace("``", "`"))
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _markdown(text).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def _default(field: dataclasses.Field[Any]) -> str:
    default = getattr(field.default, "default", field.default)
    factory = field.default_factory
    if factory is dataclasses.MISSING:
        factory = getattr(field.default, "default_factory", None) or dataclasses.MISSING
    if factory is not dataclasses.MISSING:
        made = factory()
        if dataclasses.is_dataclass(made):
            return f"`{made.kind}`"
        return "" if made in ({}, ()) else f"`{made}`"
    if default is dataclasses.MISSING or repr(default) == "PydanticUndefined":
        return "**needed**"
    if default in (None, "", ()):
        return ""
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def fields_table(stated: type, drop: tuple[str, ...] = ()) -> str:
    """The fields of a stated type: key, type in words, default, meaning."""
    rows = []
    for field in dataclasses.fields(stated):
        if field.name in {"kind", *drop}:
            continue
        meaning = stated.__pydantic_fields__[field.name].description  # type: ignore[attr-defined]
        if not meaning:
            raise SystemExit(f"{stated.__name__}.{field.name} has no docstring")
        words = WORDS[str(field.type)]
        default = "the file's name" if (stated, field.name) == (Plan, "name") else _default(field)
        rows.append((f"`{field.name}`", words, default, _cell(meaning)))
    return _table(("key", "what it takes", "default", "meaning"), rows)


def _story(stated: type) -> str:
    """The docstring of a kind: its first sentence, then the rest."""
    head, *rest = inspect.cleandoc(stated.__doc__ or "").split("\n\n")
    return "\n\n".join(textwrap.fill(_markdown(part), 100) for part in (head, *rest))


def kind_of(stated: type) -> str:
    """The word a file uses for a kind."""
    return str(next(f for f in dataclasses.fields(stated) if f.name == "kind").type)[9:-2]


def _kinds(kinds: tuple[type, ...], drop: tuple[str, ...] = ()) -> Iterator[str]:
    for kind in kinds:
        yield f"### {kind_of(kind)}\n\n{_story(kind)}\n"
        table = fields_table(kind, drop)
        if table.count("\n") > 2:
            yield f"\n{table}"
        yield "\n"


def scenario_page() -> str:
    """docs/reference/scenario.md."""
    presets = [
        (f"`{name}`", f"{one.shares['brand']:.0%}", f"{one.shares['traffic']:.0%}", one.grade,
         _cell(one.source))
        for name, one in PRESETS.items()
    ]  # fmt: skip
    parts = [
        NOTE,
        _HEAD,
        "## The plan\n\n",
        _PLAN,
        fields_table(Plan, drop=("lines", "applied")),
        "\n",
        _EXTRA,
        "## Channels and lines\n\n",
        _LINES,
        fields_table(Line, drop=("channel", "name")),
        "\n## Curves\n\n",
        _CURVES,
        *_kinds(CURVES),
        "## Split\n\n",
        _SPLIT,
        _table(("preset", "brand", "traffic", "grade", "source"), presets),
        "\n## Constraints\n\n",
        _CONSTRAINTS,
        *_kinds(CONSTRAINTS, drop=("name",)),
        "## Objectives\n\n",
        _OBJECTIVES,
        *_kinds(OBJECTIVES),
        "## Funnel\n\n",
        f"{_story(Funnel)}\n\n",
        fields_table(Funnel),
        "\n### renewal\n\n",
        f"{_story(Renewal)}\n\n",
        fields_table(Renewal),
        "\n## Periods\n\n",
        _PERIODS,
        fields_table(Periods),
        "\n### series\n\n",
        _SERIES,
        "## Carry-over\n\n",
        _CARRYOVER,
        *_kinds(CARRYOVERS),
        "## Goodwill\n\n",
        f"{_story(Goodwill)}\n\n",
        fields_table(Goodwill),
        "\n### lifts\n\n",
        f"{_story(Lift)}\n\n",
        fields_table(Lift),
        "\n## Uncertainty\n\n",
        _UNCERTAINTY,
        fields_table(Uncertainty),
        *(
            part
            for stated in (Range, Factor, State)
            for part in (
                f"\n### {stated.__name__.lower()}\n\n{_story(stated)}\n\n",
                fields_table(stated),
            )
        ),
        "\n## Risk\n\n",
        _RISK,
        *_kinds(RISKS),
        "## Commitment\n\n",
        _COMMITMENT,
        fields_table(Commitment),
        "\n## Origins\n\n",
        _ORIGINS,
        fields_table(Origin),
        "\n",
        _TAIL,
    ]
    return "".join(parts)


_HEAD = """\
# Scenario files

A scenario is a YAML file (JSON is YAML, too) that states one plan. Reading is strict: a key that
is not known, a key written twice and a value that could mean two things are errors, and all errors
of a file are told at once with their line and column. `adsplit schema` prints the same contract as
JSON Schema; an editor with a YAML language server completes and checks a file that begins with `#
yaml-language-server: $schema=adsplit.schema.json`.

"""
_PLAN = "Only `channels` is needed; without a budget every line needs a maximum.\n\n"
_EXTRA = """\
These keys belong to the file rather than to the plan:

| key | what it takes | meaning |
| --- | --- | --- |
| `channels` | channel: line, or channel: role: line | The budget lines, see below. |
| `extends` | file or built-in name | The scenario this one stands on, see [layers](#layers). |
| `what_ifs` | name: changes | Named changes, see [what-ifs](#what-ifs). |
| `version` | `1` | Version of the form of the file; may be left out. |

"""
_LINES = """\
A channel is one line, or holds one line per role (or any other word):

```yaml on=minimal
channels:
  tv: {role: brand, curve: {kind: log, scale: 900, unit: 50_000}}
  search:
    brand: {curve: {kind: log, scale: 400, unit: 20_000}}
```

The lines are then called `tv` and `search.brand`. The word below a channel is the role when it is
`brand` or `traffic`.

"""
_CURVES = """\
A curve says how many outcomes a line brings for its spend. Every curve is 0 at 0 and never falls.
Formulas, slopes and shapes are in [the mathematics](../mathematics.md#2-curves).

"""
_SPLIT = """\
`split` is the brand:traffic rule of the plan. It takes `6:4`, `{brand: 0.6, traffic: 0.4}`, the
name of a preset, or the fields of the constraint [split](#split-1), such as
`{shares: 6:4, tolerance: 5%}`.
Where it states no shares, those of `business` hold: `document-b2b` or `document-b2c`.

"""
_CONSTRAINTS = """\
`constraints` maps a name of your own to a rule. Every rule takes `penalty`, which makes it soft: it
may then be broken at that price per unit.

"""
_OBJECTIVES = (
    "`objective` takes a kind as text (`revenue`) or with fields\n"
    "(`{kind: profit, margin: 0.5}`).\n\n"
)
_ORIGINS = """\
`origins` maps dotted paths to where their numbers come from; `*` stands for any word. The report
and the tornado show them.

"""
_UNCERTAINTY = """\
`uncertainty` says which numbers may be otherwise than stated, and how. Any number of curves,
prices, values, seasons, carry-over, the funnel, goodwill or the margin may be; decisions and rules
may not.

```yaml on=minimal
uncertainty:
  numbers:
    value: {between: [80, 130], sure: 80%}
    channels.*.*.price: {between: ["*0.9", "*1.2"], shared: true}
  states:
    slump: {chance: 20%, set: {value: "*0.7"}}
```

"""
_RISK = "`risk` takes a kind as text (`expected`) or with fields (`{kind: cvar, level: 90%}`).\n\n"
_COMMITMENT = """\
`commitment` says what is bought before anybody knows which world comes, for `adsplit commit`; it
changes no other answer. See [buy now, adjust later](../guide/commit.md).

```yaml on=minimal
commitment: {lines: social}
```

"""
_PERIODS = """\
The steps of time that money is planned in. With periods, all money of a line and its curve are per
period, and the budget is for the whole plan; without them a plan has one period. See [months,
carry-over and goodwill](../guide/time.md).

"""
_SERIES = """\
Numbers over time: a list with one per period, or a mapping of some periods to numbers. A key is a
period (`2027-03`, `2027-W14`, `2027-Q2`), a calendar month of every year (`jan` to `dec`) or a
quarter of every year (`Q1` to `Q4`); the more exact one holds. Periods that a mapping does not name
keep 1 (for capacity: no limit). After the last planned period a list repeats what it said a year
before.

"""
_CARRYOVER = """\
What a line's earlier spend still does: its exposure in a period is a weighted sum of the spend of
that period and those before it. The weights add up to one.

"""
_TAIL = """\
## Money, shares and numbers

| written | means |
| --- | --- |
| `12_000_000`, `12M`, `12000k`, `0.012bn` | 12,000,000 |
| `1200万`, `1.2亿`, `5千` | 12,000,000 · 120,000,000 · 5,000 |
| `60%`, `0.6` | a share of 0.6 |
| `6:4` | brand 60 %, traffic 40 % |
| `20%` where money is asked for | that share of the budget |

Refused, because they could mean two things: `1,5`, `1.000.000`, `12m`, and a share written as `60`.

## Which lines: where

`where` takes the name of a line, a channel or a role (`search.brand`, `search`, `brand`), a list
of such names, or a mapping of fields to values: `{channel: [search, social], role: brand, market:
de}`. Fields are `line`, `channel`, `role`, `outcome`, `name` and every tag. Without `where` all
lines are meant. A name that fits no line is an error.

`per` splits a rule into one for each value of a field: `per: channel`, `per: market`. `total` is
one rule for all.

## Layers

Lowest first: the business's default split · the `extends` file · this file · what-ifs in the order
given · `--set` in the order given. Mappings merge key by key; lists and single values replace what
stands below; `null` removes it. A mapping with another `kind` replaces the one below whole. What
was applied is kept on the plan (`plan.applied`) and written on every answer.

## What-ifs

A what-if maps paths to values, or lists other what-ifs:

```yaml on=minimal
what_ifs:
  dearer_search: {channels.search.*.price: 1.3}
  half_budget: {budget: "*0.5"}
  both: [dearer_search, half_budget]
```

## Paths

A path is the words from the top of the file with dots between: `channels.search.brand.curve.half`.
The same paths serve what-ifs, `--set`, `adsplit sweep` and `origins`.

- `split.brand` is the brand share; traffic takes the rest.
- `*` stands for any word: `channels.*.brand.price` is the price of every channel's brand line.
- The value `"*1.2"` multiplies the number that stands there by 1.2.
- The value `null` removes what stands there.
"""


# --- Commands -------------------------------------------------------------------------------------

_CLI_HEAD = """\
# Commands

The help of every command, as `adsplit COMMAND --help` prints it.

"""


def cli_page() -> str:
    """docs/reference/cli.md."""
    from cli import adsplit
    from optimizer.terminal.commands import EXIT_CODES

    parts = [NOTE, _CLI_HEAD]
    names = adsplit.list_commands(click.Context(adsplit))
    links = [(f"[{name}](#adsplit-{name})", _cell(adsplit.commands[name].help or ""))
             for name in names]  # fmt: skip
    parts.append(_table(("command", "what it does"), links))
    codes = [(f"`{code}`", words) for code, words in EXIT_CODES.items()]
    parts.append(f"\n## Exit codes\n\n{_table(('code', 'meaning'), codes)}")
    parts.append("\nCtrl-C before any plan was found ends with 130.\n")
    parts.append(_help("adsplit", adsplit))
    parts += [_help(f"adsplit {name}", adsplit.commands[name]) for name in names]
    return "".join(parts)


def _help(name: str, command: click.Command) -> str:
    settings: dict[str, Any] = {"terminal_width": 94, "max_content_width": 94}
    settings |= {"help_option_names": ["-h", "--help"]}
    text = click.Context(command, info_name=name, **settings).get_help()
    tidy = "\n".join(line.rstrip() for line in text.splitlines())
    return f"\n## {name}\n\n```text\n{tidy}\n```\n"


# --- Errors ---------------------------------------------------------------------------------------

_ERRORS_HEAD = """\
# Errors

Everything adsplit raises on purpose is an `AdsplitError`. All of them are in `optimizer.errors`;
those that a caller may want to catch are names of `optimizer`, too.

"""
_ERRORS_TAIL = """\
## What an error carries

- `PlanError.faults` is a tuple of `Fault`: everything that is wrong with the input, at once.
- `Infeasible.conflict` is a `Conflict`: `rules`, the names of a smallest set of rules that cannot
  all hold, and `relaxations`, one cheapest way out. See [infeasible
  plans](../guide/infeasible.md).
- Pickling keeps all of it, so errors cross processes.

### Fault

{fault}
### Relaxation

{relaxation}
## On the command line

| error | exit code |
| --- | --- |
| `PlanError`, `SourceError` and their kinds, `Unbounded` | 3 |
| `Infeasible` | 4 |
| `NoSolver`, `NoBrowser` | 6 |
| any other | 1 |

With `--json` an error is one JSON object on stderr, see [JSON](json.md#errors).
"""


def exceptions() -> list[type[BaseException]]:
    """Every exception class, parents first, in the order of the module."""
    found = [
        one
        for one in vars(errors).values()
        if inspect.isclass(one) and issubclass(one, errors.AdsplitError)
    ]
    return list(dict.fromkeys(found))


def errors_page() -> str:
    """docs/reference/errors.md."""
    lines = (errors.__doc__ or "").splitlines()
    tree = inspect.cleandoc("\n".join(line for line in lines if line.startswith("    ")))
    rows = [
        (f"`{one.__name__}`", f"`{one.__bases__[0].__name__}`", _cell(one.__doc__ or ""))
        for one in exceptions()
    ]
    tables = {name.lower(): _documented(getattr(errors, name)) for name in ("Fault", "Relaxation")}
    return "".join(
        [
            NOTE,
            _ERRORS_HEAD,
            f"```text\n{tree}\n```\n\n",
            _table(("error", "is a", "meaning"), rows),
            "\n",
            _ERRORS_TAIL.format(**tables),
        ]
    )


def _documented(cls: type) -> str:
    """The fields of a plain dataclass with the docstrings that stand below them."""
    found = re.findall(r'^    (\w+): [^\n]+\n    """(.+?)"""', inspect.getsource(cls), re.M | re.S)
    return _table(("field", "meaning"), [(f"`{name}`", _cell(text)) for name, text in found])


PAGES: dict[Path, Callable[[], str]] = {
    REFERENCE / "scenario.md": scenario_page,
    REFERENCE / "cli.md": cli_page,
    REFERENCE / "errors.md": errors_page,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or say which are out of date."""
    stale = []
    for path, make in PAGES.items():
        text = make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if "--check" not in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    for path in stale:
        word = "is out of date" if "--check" in arguments else "written"
        print(f"{path.relative_to(ROOT)} {word}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

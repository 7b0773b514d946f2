"""The documentation says what is so: its commands and examples are run, its scenarios read.

A fenced block is run by what its first line says:

- ``bash``: each command must succeed; nothing is compared.
- ``console``: ``$ `` begins a command, what follows is its output (stdout and stderr together),
  compared line by line. ``…`` stands for anything within a line, a line of its own for any lines. A
  command that fails must be followed by ``$ echo $?``.
- ``python``: run in one namespace per page; a ``text output`` block after it is what it prints.
- ``yaml file=NAME``: a whole scenario; it must be without faults, and stays there for the commands.
- ``yaml on=BASE``: a part of a scenario; it must be without faults on top of that built-in.
- ``sh``: commands for a clone (make, pip, git) that would change the machine; only their targets
  are checked.

All blocks of a page are run in order in one empty folder.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from optimizer.sources.scenario import check_scenario, read_scenario

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```[ \t]*$", re.M | re.S)
_KINDS = {"bash", "console", "python", "yaml", "text", "text output", "sh", "json"}


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    info: str
    body: str
    line: int

    @property
    def kind(self) -> str:
        return "yaml" if self.info.startswith("yaml ") else self.info


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match.group(1).strip(), match.group(2), line))
    return found


def mismatch(expected: str, found: str) -> str:
    """What keeps *found* from being *expected*; empty if nothing does."""
    want = [line.rstrip() for line in expected.strip("\n").splitlines()]
    have = [line.rstrip() for line in found.strip("\n").splitlines()]
    return _mismatch(want, have)


def _mismatch(want: list[str], have: list[str]) -> str:
    for number, line in enumerate(want):
        if line == "…":
            rest = want[number + 1 :]
            if not rest:
                return ""
            starts = range(number, len(have) + 1)
            failures = [_mismatch(rest, have[start:]) for start in starts]
            return "" if "" in failures else f"after …, nothing fits {rest[0]!r}; found {have!r}"
        if number >= len(have):
            return f"expected {line!r}, but the output ends"
        pattern = ".*".join(map(re.escape, line.split("…")))
        if not re.fullmatch(pattern, have[number]):
            return f"expected {line!r}, found {have[number]!r}"
    extra = have[len(want) :]
    return f"unexpected output: {extra[0]!r}" if extra else ""


def steps(body: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that follows it."""
    assert body.startswith("$ "), f"a console block begins with '$ ', not {body[:20]!r}"
    parts = re.split(r"^\$ ", body, flags=re.M)[1:]
    return [(head, rest) for head, _, rest in (part.partition("\n") for part in parts)]


class Runner:
    """Runs the blocks of one page in one folder."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.names: dict[str, object] = {"__name__": "__main__"}
        self.code = 0
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("ADSPLIT_", "LC_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{keep.get('PATH', '')}"
        self.environment = keep | {
            "PATH": path, "LANG": "C.UTF-8", "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1"
        }  # fmt: skip

    def run(self, found: list[Block]) -> None:
        """Run *found* in order."""
        for number, block in enumerate(found):
            place = f"{self.page.name}:{block.line}"
            if block.kind == "bash":
                for command in filter(None, block.body.replace("\\\n", "").splitlines()):
                    text = self.command(command)
                    assert self.code == 0, f"{place}: {command} ended with {self.code}\n{text}"
            elif block.kind == "console":
                self.console(block, place)
            elif block.kind == "python":
                follows = found[number + 1] if number + 1 < len(found) else None
                self.python(block, follows, place)
            elif block.kind == "yaml":
                self.yaml(block, place)

    def command(self, command: str) -> str:
        """What *command* writes; ``$?`` in it is the exit code of the one before."""
        done = subprocess.run(
            ["bash", "-c", f"(exit {self.code}); {command}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            timeout=280,
            check=False,
        )
        self.code = done.returncode
        return done.stdout

    def console(self, block: Block, place: str) -> None:
        """Run the commands of *block* and compare what they write."""
        found = steps(block.body)
        for number, (command, expected) in enumerate(found):
            text = self.command(command)
            wrong = mismatch(expected, text)
            assert not wrong, f"{place}: $ {command}\n{wrong}\n--- all of it ---\n{text}"
            told = number + 1 < len(found) and found[number + 1][0] == "echo $?"
            assert self.code == 0 or told, f"{place}: $ {command} ended with {self.code}"

    def python(self, block: Block, follows: Block | None, place: str) -> None:
        """Run *block*, and compare what it prints where the page shows it."""
        out = io.StringIO()
        code = compile("\n" * block.line + block.body, str(self.page), "exec")
        with contextlib.redirect_stdout(out):
            exec(code, self.names)
        if follows is not None and follows.info == "text output":
            wrong = mismatch(follows.body, out.getvalue())
            assert not wrong, f"{place}: {wrong}\n--- all of it ---\n{out.getvalue()}"

    def yaml(self, block: Block, place: str) -> None:
        """Read a scenario, whole or on top of another."""
        _, _, how = block.info.partition(" ")
        word, _, name = how.partition("=")
        if word == "file":
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.body, encoding="utf-8")
        else:
            path = self.folder / "part.yaml"
            path.write_text(f"extends: {name}\n{block.body}", encoding="utf-8")
        faults = check_scenario(path)
        assert not faults, f"{place}: " + "\n".join(map(str, faults))
        read_scenario(path).plan()


@pytest.mark.timeout(400)  # a page is many programs, one after the other
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_examples_run_as_written(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "C.UTF-8")
    Runner(page, tmp_path).run(blocks(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_says_how_it_is_checked(page):
    text = page.read_text(encoding="utf-8")
    assert text.count("\n```") % 2 == 0
    for block in blocks(text):
        assert block.kind in _KINDS, f"{page.name}:{block.line}: {block.info!r}"
        if block.kind == "yaml":
            assert re.fullmatch(r"yaml (file|on)=\S+", block.info), f"{page.name}:{block.line}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_for_a_clone_name_what_there_is(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.M))
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.kind != "sh":
            continue
        for command in filter(None, block.body.splitlines()):
            words = command.split("#")[0].split()
            assert words[0] in {"make", "git", "pip", "cd", ".venv/bin/python", ".venv/bin/adsplit"}
            if words[0] == "make":
                named = [word for word in words[1:] if "=" not in word and word.isidentifier()]
                assert set(named[:1]) <= targets, f"{page.name}:{block.line}: {command}"
            if words[0] == ".venv/bin/python":
                assert (ROOT / words[1]).exists(), f"{page.name}:{block.line}: {command}"


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings make, as code hosts make them."""
    found: dict[str, int] = {}
    names = set()
    for title in re.findall(r"^#+ (.+?)\s*$", _FENCE.sub("", text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower().replace(" ", "-")
        slug = re.sub(r"[^\w-]", "", plain)
        count = found.get(slug, 0)
        found[slug] = count + 1
        names.add(f"{slug}-{count}" if count else slug)
    return names


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page):
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if path.parent == ROOT / "docs" / "images" and not path.parent.exists():
            continue  # pictures come with the first build of the report
        assert path.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), f"{page.name}: {target}"


def test_every_page_is_on_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in PAGES[1:]:
        name = page.relative_to(ROOT / "docs").as_posix()
        assert name == "index.md" or f"]({name})" in index, name


# The runner itself: it must be able to fail.


@pytest.mark.parametrize(
    ("expected", "found", "fits"),
    [
        ("a\nb", "a\nb\n", True),
        ("a …, 3 lines", "a plan, 3 lines", True),
        ("a …, 3 lines", "a plan, 4 lines", False),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nd", True),
        ("a\n…\nd", "a\nb\nc", False),
        ("a\n…", "a\nb", True),
        ("a", "a\nb", False),
        ("a\nb", "a", False),
        ("1.5", "125", False),
    ],
)
def test_outputs_are_compared(expected, found, fits):
    assert (mismatch(expected, found) == "") is fits


@pytest.mark.parametrize(
    "text",
    [
        "```bash\nfalse\n```\n",
        "```bash\nadsplit optimize nowhere\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
        "```console\n$ false\n```\n",
        "```console\n$ false\n$ echo $?\n0\n```\n",
        "```python\nassert 1 == 2\n```\n",
        "```python\nprint(1)\n```\n\n```text output\n2\n```\n",
        "```yaml file=a.yaml\nname: no lines\n```\n",
        "```yaml on=minimal\nbudgte: 1\n```\n",
        "```yaml on=minimal\nwhat_ifs: {a: {budgte: 1}}\n```\n",
    ],
)
def test_wrong_examples_fail(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks(text)[:1]
    with pytest.raises(Exception):  # noqa: B017, PT011
        Runner(Path("page.md"), tmp_path).run(blocks(text))
    assert block.line == 1


def test_right_examples_pass(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (
        "```bash\ntrue\n```\n```console\n$ false\n$ echo $?\n1\n```\n"
        "```python\nx = 2\nprint(x)\n```\n\n```text output\n2\n```\n```python\nassert x == 2\n```\n"
        "```yaml on=minimal\nbudget: 2M\n```\n"
    )
    Runner(Path("page.md"), tmp_path).run(blocks(text))

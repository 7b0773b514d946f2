"""The notebooks of the documentation run from top to bottom, and hold no outputs."""

import json
import sys
from pathlib import Path

import nbformat
import pytest

from tests.docs.test_docs import ROOT

NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))
NAMES = [path.name for path in NOTEBOOKS]


def test_there_are_notebooks():
    assert NAMES == ["budget.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_is_stored_without_outputs(path):
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert [cell.execution_count for cell in code] == [None] * len(code)
    assert text == nbformat.writes(notebook, indent=1) + "\n"


@pytest.mark.timeout(300)  # a kernel starts, and many plans are solved
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's libraries
@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    from nbclient import NotebookClient

    # The kernel is this Python, whatever kernels the machine has.
    kernels = tmp_path / "kernels" / "python3"
    kernels.mkdir(parents=True)
    words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": words, "display_name": "Python 3", "language": "python"}
    (kernels / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("ADSPLIT_LANG", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(work)}})
    client.execute()
    shown = [
        output["data"].get("text/html", "")
        for cell in notebook.cells if cell.cell_type == "code"
        for output in cell.outputs if output.output_type == "execute_result"
    ]  # fmt: skip
    pages = [page for page in shown if 'class="adsplit"' in "".join(page)]
    assert len(pages) >= 7
    assert "Spend less" in "".join(pages[0])
    assert {one.name for one in Path(work).iterdir()} == {
        "moves.html", "moves.json", "plan.html", "plans.html"
    }  # fmt: skip

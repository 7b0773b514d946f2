"""The gallery names every chart of the report, and has a picture of each."""

import re
import subprocess
import sys

from optimizer.report.pictures import KINDS
from tests.docs.test_docs import ROOT

DOCS = ROOT / "docs"


def test_the_gallery_is_as_its_command_would_write_it():
    words = [sys.executable, DOCS / "gallery.py", "--check"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_gallery_has_a_picture_of_every_chart_and_no_other():
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    names = [kind.name for kind in KINDS]
    assert re.findall(r"^## (.+)$", text, re.M) == names
    assert re.findall(r"\]\(images/gallery/(.+)\.png\)", text) == names
    pictures = {path.stem: path for path in (DOCS / "images" / "gallery").iterdir()}
    assert set(pictures) == set(names)
    for path in pictures.values():
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < 150_000

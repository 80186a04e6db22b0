"""Digests of configurations and files: a name with a digest in it stands for one content."""

import hashlib
import json
from pathlib import Path
from typing import Any

DIGITS = 8


def digest(value: Any) -> str:
    """Hexadecimal digest (8 digits of SHA-256) of plain data, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def file_digest(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

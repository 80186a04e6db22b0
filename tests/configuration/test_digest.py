"""Digests stand for content: not for the order of keys, nor for comments."""

import hashlib

from lossjumps.configuration.digest import digest, file_digest


def test_order_of_keys_does_not_matter_and_values_do():
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert digest([1, 2]) != digest([2, 1])
    assert digest({"a": 1}) != digest({"a": "1"})


def test_it_is_the_beginning_of_the_sha256_of_canonical_json():
    assert digest({"b": 0.1, "a": None}) == hashlib.sha256(b'{"a":null,"b":0.1}').hexdigest()[:8]


def test_file_digest(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert file_digest(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()

from pathlib import Path

from lossjumps.stages.tracking_address import database_file, store_name, tracking_uri, without_password


def test_configuration_comes_before_the_environment(monkeypatch, tmp_path):
    assert tracking_uri(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    assert store_name(None) == "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert tracking_uri(None, tmp_path) == "http://127.0.0.1:5000"
    assert tracking_uri("sqlite:///other.db", tmp_path) == "sqlite:///other.db"
    assert store_name("sqlite:///other.db") == "sqlite:///other.db"


def test_file_of_a_database():
    assert database_file("sqlite:///other.db") == Path("other.db")
    assert database_file("sqlite:////data/mlflow.db?timeout=3") == Path("/data/mlflow.db")
    assert database_file("http://127.0.0.1:5000") is None


def test_no_password_is_shown():
    assert without_password("https://me:secret@example.org:5000/mlflow") == "https://example.org:5000/mlflow"
    assert without_password("postgresql://me:secret@db/mlflow") == "postgresql://db/mlflow"
    for plain in ("http://127.0.0.1:5000", "sqlite:////data/a.db", "databricks"):
        assert without_password(plain) == plain

"""Which MLflow store an experiment is imported into."""

import os
from pathlib import Path
from urllib.parse import urlsplit

SQLITE = "sqlite:///"
DATABASE = "mlflow.db"
"""Name of the default store, in the folder of all results."""


def external_store(configured: str | None) -> str | None:
    """Return the tracking URI that is configured, or that of ``MLFLOW_TRACKING_URI``; None: SQLite with the results."""
    return configured or os.environ.get("MLFLOW_TRACKING_URI") or None


def default_database(results: Path) -> Path:
    """Return the absolute path of the default database."""
    return Path(results).resolve() / DATABASE


def tracking_uri(configured: str | None, results: Path) -> str:
    """Return the tracking URI: the configured one, else ``MLFLOW_TRACKING_URI``, else SQLite in the results folder.

    Parameters
    ----------
    configured
        ``tracking.uri`` of the configuration, or None.
    results
        Folder of all results.
    """
    return external_store(configured) or f"{SQLITE}{default_database(results)}"


def database_file(uri: str) -> Path | None:
    """Return the file of an SQLite store; None for any other store."""
    return Path(uri.removeprefix(SQLITE).partition("?")[0]) if uri.startswith(SQLITE) else None


def without_password(uri: str) -> str:
    """Return a tracking URI as it may be printed and kept: without user and password."""
    parts = urlsplit(uri)
    if not parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def store_name(configured: str | None) -> str:
    """Return the name of the store in receipts; it does not depend on where the results lie."""
    uri = external_store(configured)
    return DATABASE if uri is None else without_password(uri)

"""What snakemake shows of a workflow of lossjumps: a line a step, what is running, and what to do where a step fails.

Snakemake finds this package by its name; the profiles choose it with ``logger: lossjumps``.
"""

import sys
import threading
import time
from logging import LogRecord

from snakemake.logging import DefaultFilter
from snakemake_interface_logger_plugins.base import LogHandlerBase

from snakemake_logger_plugin_lossjumps.account import Account
from snakemake_logger_plugin_lossjumps.screen import Screen

NEVER_QUIET = ("job_error", "group_error")
"""Events that are shown whatever snakemake was asked to be quiet about."""


class LogHandler(LogHandlerBase):
    """Shows the events of a workflow on standard error, those of a dry run on standard output."""

    def __post_init__(self) -> None:
        asked = self.common_settings
        self._wanted = DefaultFilter(asked.quiet, asked.debug_dag, asked.verbose, asked.dryrun, asked.printshellcmds)
        screen = Screen(sys.stdout if asked.stdout else sys.stderr, color=not asked.nocolor)
        self._account = Account(screen, asked.dryrun, time.time)
        self._over = threading.Event()
        if not asked.dryrun:
            threading.Thread(target=self._tick, daemon=True).start()

    def emit(self, record: LogRecord) -> None:
        """Show an event."""
        try:
            if getattr(record, "event", None) in NEVER_QUIET or self._wanted.filter(record):
                self._account.take(record, self.format(record))
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Say how the workflow ended."""
        if not self._over.is_set():
            self._over.set()
            with self.lock:
                self._account.end()
        super().close()

    def _tick(self) -> None:
        while not self._over.wait(1.0):
            with self.lock:
                self._account.tick()

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = False
    needs_rulegraph = False

"""The desk's web server: gunicorn, from this process."""

from __future__ import annotations

import os
from typing import Any

from gunicorn.app.base import BaseApplication

from poise.desk import workspace
from poise.desk.logs import ServerLogger

#: Threads of each server process: a page waits for the database, never for a computation.
THREADS = 8


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with the desk's application and a few settings."""

    def __init__(self, host: str, port: int, processes: int) -> None:
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.processes = processes
        super().__init__()

    def load_config(self) -> None:
        """Hand the settings over."""
        values: dict[str, Any] = {
            "bind": [self.address],
            "workers": self.processes,
            "worker_class": "gthread",
            "threads": THREADS,
            # Loaded before it listens: whoever is let in is answered.
            "preload_app": True,
            "timeout": 120,
            "graceful_timeout": 20,
            "keepalive": 15,
            "loglevel": workspace.log_level().lower(),
            "logger_class": ServerLogger,
            "accesslog": None,
            "forwarded_allow_ips": os.environ.get("POISE_PROXIES", "127.0.0.1,::1"),
            "proc_name": "poise-desk",
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application; the processes that serve it share no connection with this one."""
        from django.db import connections
        from django.urls import get_resolver

        from poise.desk.wsgi import application

        get_resolver().url_patterns  # noqa: B018  # imports all pages now, once
        connections.close_all()
        return application

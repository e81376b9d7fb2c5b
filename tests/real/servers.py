# SPDX-License-Identifier: MIT
"""Database servers for tests, each in a folder of its own on a free port of the loopback address."""
import os
import pathlib
import shutil
import socket
import subprocess
import time

PATIENCE_SECONDS = 60


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def as_user(name):
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", name, "--"] if os.geteuid() == 0 else []


def postgresql(folder):
    """([its JDBC address], how to stop it, None), or (None, None, what is missing)."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found:
        return None, None, "no PostgreSQL server (/usr/lib/postgresql/*/bin/pg_ctl)"
    home, port, data = found[-1].parent, free_port(), folder / "postgresql"
    data.mkdir()
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(data, "postgres")
    user = as_user("postgres")

    def run(*command):
        subprocess.run([*user, *command], check=True, timeout=PATIENCE_SECONDS, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       cwd="/")
    run(home / "initdb", "-D", data / "db", "-A", "trust", "-U", "acme", "-N", "--locale=C")
    run(home / "pg_ctl", "-D", data / "db", "-w", "-l", data / "log", "-o", f"-h 127.0.0.1 -p {port} -k {data} -F", "start")
    return ([f"jdbc:postgresql://127.0.0.1:{port}/postgres?user=acme"],
            lambda: run(home / "pg_ctl", "-D", data / "db", "-m", "immediate", "stop"), None)


def mariadb(folder):
    """The same for MariaDB."""
    daemon, install = pathlib.Path("/usr/sbin/mariadbd"), pathlib.Path("/usr/bin/mariadb-install-db")
    if not daemon.exists() or not install.exists():
        return None, None, f"no MariaDB server ({daemon}, {install})"
    port, data = free_port(), folder / "mariadb"
    data.mkdir()
    me = ["--user=root"] if os.geteuid() == 0 else []
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([install, "--no-defaults", f"--datadir={data}/db", "--auth-root-authentication-method=normal", "--skip-test-db", *me], check=True,
                   timeout=PATIENCE_SECONDS, **quiet)
    server = subprocess.Popen([daemon, "--no-defaults", f"--datadir={data}/db", f"--socket={data}/socket", f"--pid-file={data}/pid", "--bind-address=127.0.0.1",
                               f"--port={port}", "--innodb-buffer-pool-size=16M", *me], **quiet)

    def stop():
        server.kill()
        server.wait(PATIENCE_SECONDS)
    for _ in range(10 * PATIENCE_SECONDS):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return [f"jdbc:mariadb://127.0.0.1:{port}/mysql?user=root"], stop, None
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    stop()
    raise RuntimeError("MariaDB does not start")

"""Foreign proxies, each in front of the program, with the files of deploy/ on free ports of loopback."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from client import TIMEOUT
from step import Failed, end_group

UNPRIVILEGED = ("www-data", "nobody")
"""The users for a proxy if this process runs as root: the first that exists is used."""


class Proxy:
    """One kind: its package and command, its file in deploy/, the text around that, the replacements for its
    addresses, the line that removes the client's own `Forwarded`, the ports that it listens at, and the signal that
    makes it read its file again."""

    def __init__(self, package, file, words, before, after, edits, removal="", ports=("http", "https"), reload=None):
        self.package = package
        self.name = file.partition("/")[0]
        self.file = file
        self.words = words
        self.ports = ports
        self.reload = reload
        self.before = before
        self.after = after
        self.edits = edits
        self.removal = removal

    def configuration(self, root, values, removes):
        """The file, with its addresses replaced by those of a test."""
        text = (root / "deploy" / self.file).read_text(encoding="utf-8")
        edits = self.edits if removes else {**self.edits, self.removal: ""}
        for old, new in edits.items():
            if old not in text:
                raise Failed(f"deploy/{self.file} has no {old!r}")
            text = text.replace(old, new.format(**values))
        return f"{self.before.format(**values)}{text.strip()}\n{self.after.format(**values)}"


NGINX = Proxy(
    package="nginx-light",
    file="nginx/http.conf",
    words="-c {directory}/configuration -p {directory} -e stderr",
    before="""\
daemon off;
worker_processes 1;
pid {directory}/pid;
events {{ worker_connections 512; }}
http {{
access_log off;
client_body_temp_path {directory}/body;
proxy_temp_path {directory}/proxy;
fastcgi_temp_path {directory}/fastcgi;
uwsgi_temp_path {directory}/uwsgi;
scgi_temp_path {directory}/scgi;

""",
    after="}}\n",
    edits={
        "listen 80;": """\
listen 127.0.0.1:{http};
    listen 127.0.0.1:{https} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};""",
        "server 127.0.0.1:9001;": "server {nginx_game};",
    },
    removal='proxy_set_header Forwarded "";',
    reload=signal.SIGHUP,
)
HAPROXY = Proxy(
    package="haproxy",
    file="haproxy/http.cfg",
    # As Debian's unit has it: a master, which a reload does not end.
    words="-W -db -f {directory}/configuration",
    before="""\
global
    stats socket {directory}/state level user

""",
    after="",
    edits={
        "bind :80": """\
bind 127.0.0.1:{http}
    bind 127.0.0.1:{https} ssl crt {both}""",
        "server one 127.0.0.1:9001": "server one {haproxy_game}",
        "inter 2s": "inter 100ms",
    },
    removal="http-request del-header Forwarded",
    reload=signal.SIGUSR2,
)
NGINX_STREAM = Proxy(
    package="libnginx-mod-stream",
    file="nginx/stream.conf",
    words=NGINX.words,
    before="""\
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
worker_processes 1;
pid {directory}/pid;
events {{ worker_connections 512; }}
""",
    after="",
    edits={
        "listen 443 ssl;": "listen 127.0.0.1:{https} ssl;",
        "/etc/ssl/certs/game.pem": "{certificate}",
        "/etc/ssl/private/game.key": "{key}",
        "server 127.0.0.1:9001;": "server {nginx_game};",
    },
    ports=("https",),
    reload=signal.SIGHUP,
)
HAPROXY_TCP = Proxy(
    package="haproxy",
    file="haproxy/tcp.cfg",
    words=HAPROXY.words,
    before=HAPROXY.before,
    after="",
    edits={
        "bind :443 ssl crt /etc/haproxy/game.pem": "bind 127.0.0.1:{https} ssl crt {both}",
        "server one 127.0.0.1:9001": "server one {haproxy_game}",
        "inter 2s": "inter 100ms",
    },
    ports=("https",),
    reload=signal.SIGUSR2,
)
CADDY = Proxy(
    package="caddy",
    file="caddy/Caddyfile",
    words="run --adapter caddyfile --config {directory}/configuration",
    before="""\
{{
    admin off
    auto_https off
    default_sni 127.0.0.1
}}

""",
    after="""
http://127.0.0.1:{http} {{
    bind 127.0.0.1
    import game
}}

https://127.0.0.1:{https} {{
    bind 127.0.0.1
    tls {certificate} {key}
    import game
}}
""",
    edits={
        ":80 {": "(game) {{",
        "reverse_proxy 127.0.0.1:9001": "reverse_proxy {caddy_game}",
        "health_interval 2s": "health_interval 100ms",
    },
    removal="header_up -Forwarded",
)
ALL = (NGINX, HAPROXY, CADDY)


class Running:
    """A proxy that accepts connections."""

    def __init__(self, kind, process, values):
        self.kind, self.process = kind, process
        self.http, self.https, self.directory = values["http"], values["https"], values["directory"]

    def reload(self):
        """Makes it read its file again, and waits until a new process of it works."""
        before = self.workers()
        self.process.send_signal(self.kind.reload)
        until(lambda: self.workers() - before, f"{self.kind.file}: a reload has started no process")

    def workers(self):
        """The processes that it has started."""
        own = self.process.pid
        return set(Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split())

    def server_state(self):
        """The state of the server, and of its last check, as HAProxy has them."""
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(TIMEOUT)
            stream.connect(str(self.directory / "state"))
            stream.sendall(b"show stat\n")
            lines = b"".join(iter(lambda: stream.recv(65_536), b"")).decode().splitlines()
        names = lines[0].lstrip("# ").split(",")
        rows = (dict(zip(names, line.split(","))) for line in lines[1:])
        return next((row["status"], row["check_code"]) for row in rows if row.get("svname") == "one")


@contextlib.contextmanager
def directory_of_all():
    """A temporary directory that the proxy's user may enter."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as path:
        Path(path).chmod(0o755)
        yield Path(path)


@contextlib.contextmanager
def running(step, proxy, command, game, certificate, removes=True):
    """Runs a proxy in front of `game`, a port or the path of a Unix socket. `certificate` are the paths of a
    certificate and of its key. Without `removes` the `Forwarded` of clients passes."""
    with directory_of_all() as directory:
        values = prepare(directory, game, certificate)
        text = proxy.configuration(step.root, values, removes)
        (directory / "configuration").write_text(text)
        rights = {}
        who = unprivileged()
        if who:
            for path in (directory, *directory.iterdir()):
                os.chown(path, who.pw_uid, who.pw_gid)
            rights = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        words = [command, *proxy.words.format(**values).split()]
        step.note(f"$ {' '.join(words)}\n{text}")
        process = subprocess.Popen(
            words,
            cwd=directory,
            env={**os.environ, **dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(directory))},
            stdin=subprocess.DEVNULL,
            stdout=step.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **rights,
        )
        try:
            for port in proxy.ports:
                accepts(process, proxy, values[port])
            yield Running(proxy, process, values)
        finally:
            end_group(process)


def prepare(directory, game, certificate):
    """The values in a test's configuration: addresses, and a certificate, copied for the proxy to read."""
    pair = [directory / name for name in ("certificate.pem", "key.pem")]
    for source, copy in zip(certificate, pair):
        shutil.copyfile(source, copy)
    both = directory / "both.pem"
    both.write_text("".join(path.read_text() for path in pair))
    http, https = free_ports(2)
    address, is_path = f"127.0.0.1:{game}", isinstance(game, Path)
    return {
        "directory": directory,
        "http": http,
        "https": https,
        "certificate": pair[0],
        "key": pair[1],
        "both": both,
        "nginx_game": f"unix:{game}" if is_path else address,
        "haproxy_game": f"unix@{game}" if is_path else address,
        "caddy_game": f"unix/{game}" if is_path else address,
    }


def unprivileged():
    """The user that a proxy runs as; None if this process cannot change it."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next((names[name] for name in UNPRIVILEGED if name in names), None)


def free_ports(count):
    """Free ports of loopback."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def accepts(process, proxy, port):
    """Waits until the proxy listens there, since none of them reports it."""

    def has_answered():
        with socket.socket() as stream:
            return process.poll() is not None or stream.connect_ex(("127.0.0.1", port)) == 0

    until(has_answered, f"{proxy.name} does not accept connections")
    if process.poll() is not None:
        raise Failed(f"{proxy.name} ended with status {process.returncode}")


def until(is_so, otherwise):
    """Polls a foreign program until the condition holds."""
    end = time.monotonic() + TIMEOUT
    while not is_so():
        if time.monotonic() > end:
            raise Failed(otherwise)
        time.sleep(0.02)

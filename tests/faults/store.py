"""The store of accounts while its disk fails: logins get ErrorID 6 meanwhile, and afterwards all go on without a
restart, with the roles that they were told before; a program that cannot open its store says so in one line."""

import http.server
import json
import os
import tempfile
import threading
import urllib.parse
from pathlib import Path

from client import BINARY, Client, Wrong, numbers, text
from inject import INJECTED, Faults, words
from injected import gave_up, serves
from program import Program, eventually, faults_after

# A disk that is full, and one that fails: pwrite(2), fdatasync(2).
OF_CALLS = [
    ("pwrite64", "ENOSPC", "1"),
    ("pwrite64", "ENOSPC", "2+3"),
    ("pwrite64", "ENOSPC", "1..20"),
    ("pwrite64", "EIO", "2"),
    ("fdatasync,fsync", "EIO", "1"),
    ("fdatasync,fsync", "EIO", "2+3"),
]
# While the program starts with a new directory: it serves all the same, or ends with status 2 and one line.
OF_THE_START = [
    ("mkdir,mkdirat", "EROFS", "1"),
    ("flock", "EAGAIN", "1"),
    ("flock", "ENOLCK", "1"),
    ("pwrite64", "ENOSPC", "1"),
    ("pwrite64", "ENOSPC", "2"),
    ("pwrite64", "ENOSPC", "9"),
    ("ftruncate", "ENOSPC", "1"),
    ("fdatasync,fsync", "EIO", "1"),
    ("fdatasync,fsync", "EIO", "3"),
    ("rename,renameat,renameat2", "ENOSPC", "1"),
]
NOT_AVAILABLE = 6
SECRET = "5ecre7"


def cases(executable):
    """Each case: its name, and a function that returns what is wrong, and how many system calls were made to fail."""
    for prefix, faults, run in (("store", OF_CALLS, of_calls), ("store at the start", OF_THE_START, of_the_start)):
        for fault in faults:
            name = f"{prefix}: {fault[0].partition(',')[0]} {fault[1]} {fault[2]}"
            yield name, lambda run=run, fault=fault: run(executable, fault)


class Platform(http.server.BaseHTTPRequestHandler):
    """Names the account that a code asks for."""

    protocol_version = "HTTP/1.1"
    # The answer leaves at once, in one segment.
    wbufsize = -1

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        body = json.dumps({"openid": query["js_code"][0], "session_key": "key"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Setup:
    """A platform, its secret, and a directory for the store."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sysconn-store-")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Platform)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.data = Path(self.folder.name, "data")
        secret = Path(self.folder.name, "secret")
        secret.write_text(SECRET)
        url = f"http://127.0.0.1:{self.server.server_port}"
        self.options = ("--data", self.data, "--wechat-appid", "wx1", "--wechat-secret-file", secret)
        self.options += ("--wechat-url", url)
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()


def log_in(program, account):
    """The role of an account, or None if the store could not tell."""
    client = Client(program.port)
    flag = client.ask(1001, text(1, account))
    opcode, payload = client.take_message()
    client.close()
    error_id, got, cmd = (int.from_bytes(payload[at:end], "big") for at, end in ((0, 2), (5, 9), (9, 11)))
    if (opcode, got, cmd) != (BINARY, flag, 1001) or error_id not in (0, NOT_AVAILABLE):
        raise Wrong(f"{payload!r} is the answer for {account}")
    # The role is the first field, of fewer than 128 here.
    return None if error_id else numbers(payload[11:13])[1]


def of_calls(executable, fault):
    """Accounts log in, old ones and new ones, while calls of the store's thread fail."""
    with Setup() as setup:
        roles, wrong = {}, []

        def note(account, role):
            if role is not None and roles.setdefault(account, role) != role:
                wrong.append(f"{account} had the role {roles[account]}, and now {role}")
            return role

        with Program(executable, *setup.options) as program:
            program.serves()
            for number in range(10):
                note(f"o{number}", log_in(program, f"o{number}"))
            descriptors = program.descriptors()
            with Faults(program.task("store"), *fault) as injected:
                for number in range(5, 20):
                    note(f"o{number}", log_in(program, f"o{number}"))
            if injected.count == 0:
                wrong.append("no call failed")
            if not eventually(lambda: note("o20", log_in(program, "o20")) is not None):
                wrong.append("the store was not opened again")
            for number in range(30):
                if note(f"o{number}", log_in(program, f"o{number}")) is None:
                    wrong.append(f"o{number} has no role")
            if "the store failed, and is opened again in " not in program.log_text():
                wrong.append("the log does not tell of it")
            wrong += faults_after(program, descriptors)
        with Program(executable, *setup.options) as program:
            for account, role in roles.items():
                note(account, log_in(program, account))
            program.finish()
        if len(set(roles.values())) != len(roles):
            wrong.append(f"a role was given twice: {roles}")
        return wrong, injected.count


def of_the_start(executable, fault):
    """The program starts under strace with a new directory: it serves, or says in one line why it does not, and the
    next one can use the directory."""
    syscalls, error, when = fault
    descriptor, log = tempfile.mkstemp(prefix="sysconn-strace-")
    os.close(descriptor)
    with Setup() as setup:
        # The shell says its process id, and becomes the program.
        wrapper = [*words(syscalls, error, when, log), "-f", "--", "sh", "-c", 'echo $$; exec "$0" "$@"']
        try:
            with Program(executable, *setup.options, wrapper=wrapper, start=False) as program:
                program.spawn()
                pid = program.process.stdout.readline().strip()
                line = program.process.stdout.readline()
                wrong = serves(program, line, pid) if line else gave_up(executable, program)
            with Program(executable, *setup.options) as program:
                if log_in(program, "o1") != 1:
                    wrong.append("the next program gives no role")
                program.finish()
            return wrong, len(INJECTED.findall(Path(log).read_text(errors="replace")))
        finally:
            os.unlink(log)

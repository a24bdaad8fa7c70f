"""What the program keeps on disk, its recordings, when it is killed: the next process goes on in the same directory,
nothing that was written is lost or touched, and each file can be replayed as far as it goes."""

import subprocess
import tempfile
from pathlib import Path

import suite
from client import BINARY, Client, frame, packet
from program import Program, eventually, faults_after

LIVES = 4
"""How often the program is started in the same directory; all but the last time it is killed."""


def cases(executable):
    """Each case: its name, and a function that returns what is wrong, and how many system calls were made to fail."""
    for workers in ("1", "2"):
        name = f"killed while it records, {workers} worker{'s' if workers != '1' else ''}"
        yield name, lambda workers=workers: killed(executable, workers)
    yield "recordings that a failing machine has left", lambda: cut_off(executable)


def killed(executable, workers):
    with tempfile.TemporaryDirectory(prefix="sysconn-recordings-") as folder:
        kept, wrong = {}, []
        for life in range(LIVES):
            with Program(executable, "--workers", workers, "--record", folder) as program:
                descriptors = program.descriptors()
                outcome = suite.run(program.addresses, rounds=1)
                if outcome.whole != outcome.connections:
                    wrong.append(f"in life {life}: {outcome}")
                if life < LIVES - 1:
                    clients = in_the_midst(program)
                    # It is killed when something of each of these has reached the disk, and more is on its way.
                    if not eventually(lambda: len(recordings(folder)) >= len(kept) + outcome.connections + len(clients)):
                        wrong.append(f"in life {life}: {len(recordings(folder))} recordings")
                    program.kill()
                    for client in clients:
                        client.socket.close()
                else:
                    wrong += faults_after(program, descriptors)
            now = recordings(folder)
            wrong += [f"{name} has changed in life {life}" for name, data in kept.items() if now.get(name) != data]
            kept = now
        return wrong + [line for name in kept for line in replayed(executable, Path(folder, name))], 0


def in_the_midst(program):
    """Clients that have said much, and of which some are within a message."""
    clients = [Client(address) for address in program.addresses * 5]
    for number, client in enumerate(clients):
        client.echo(bytes(20_000))
        client.ask(1101, b"unanswered" * 1000)
        if number % 2:
            client.send(frame(BINARY, packet(1101, 9, bytes(1000)))[:500])
    return clients


def recordings(folder):
    """The bytes of all that are begun."""
    files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    return {name: data for name, data in files.items() if data}


def replayed(executable, path):
    """What is wrong with a recording."""
    done = subprocess.run([executable, "replay", path], capture_output=True, text=True, timeout=60)
    if done.returncode != 0 or not done.stdout.startswith("no difference: "):
        return [f"{path.name}: status {done.returncode}, {done.stdout}{done.stderr}".strip()]
    return []


def cut_off(executable):
    """A machine that loses its power leaves a file that ends anywhere, or whose end was never written: zeros. What
    lies before that is replayed; where not even the head is whole the program says so."""
    with tempfile.TemporaryDirectory(prefix="sysconn-recordings-") as folder:
        with Program(executable, "--record", folder) as program:
            client = Client(program.port)
            for size in (0, 5, 200, 3000):
                client.echo(bytes(size))
            client.close()
            wrong = [] if eventually(lambda: len(recordings(folder)) == 1) else ["no recording"]
            program.finish()
        (whole,) = recordings(folder).values()
        path = Path(folder, "cut.rec")
        replays = cuts = 0
        # The Data of the last request is long, and one cut within it is like the next.
        for end in (end for end in range(len(whole)) if end < 800 or end > len(whole) - 200 or end % 100 == 0):
            for data in (whole[:end], whole[:end] + bytes(4096)):
                path.write_bytes(data)
                done = subprocess.run([executable, "replay", path], capture_output=True, text=True, timeout=60)
                replays += done.returncode == 0
                cuts += 1
                lines = done.stdout.splitlines() + done.stderr.splitlines()
                if done.returncode not in (0, 2) or not 1 <= len(lines) <= 2 or "panic" in done.stderr:
                    wrong.append(f"cut at {end} of {len(whole)}: status {done.returncode}, {lines}")
        if replays < cuts / 2:
            wrong.append(f"only {replays} of {cuts} can be replayed")
        return wrong, 0

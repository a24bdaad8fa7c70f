"""Faults that strace injects into a program that runs, or that starts, while ordinary clients are there."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import suite
from client import PATIENCE, UPGRADE, Client, Lost, Refused, Wrong
from inject import INJECTED, Faults, await_first, so_far, words
from program import LISTENING, Program, eventually, faults_after
from table import ENDED, MAY_BE_IDLE, NUDGED, OF_A_WHILE, OF_CALLS, OF_THE_START, REFUSED, START_WHEN

MAX_TRIES = 60
"""Calls that may fail in the second for which all of them do: more would be a program that spins."""


def cases(executable):
    """Each case: its name, and a function that returns what is wrong, and how many faults there were."""
    for fault in OF_CALLS:
        yield fault.name, lambda fault=fault: of_calls(executable, fault)
    for fault in OF_A_WHILE:
        yield f"{fault.name} for a while", lambda fault=fault: of_a_while(executable, fault)
    yield "write EINTR 1+1, of the thread that wakes", lambda: of_the_waker(executable)
    for syscalls, errors in OF_THE_START:
        for error in errors:
            for when in START_WHEN:
                name = f"start: {syscalls} {error} {when}"
                yield name, lambda fault=(syscalls, error, when): of_the_start(executable, fault)


def of_calls(executable, fault):
    """The suite runs while a call fails now and then. A client that was there before sits it out."""
    with Program(executable) as program:
        program.serves()
        witness = Client(program.unix)
        witness.echo(b"before")
        descriptors = program.descriptors() - 1
        with Faults(program.pid, fault.syscalls, fault.error, fault.when) as injected:
            outcome = suite.run(program.addresses, nudges=fault.price == NUDGED)
        wrong = judge(outcome, fault, injected.count)
        try:
            witness.echo(b"after")
            witness.close()
        except (Lost, Wrong) as error:
            wrong.append(f"who sat it out: {error}")
        return wrong + faults_after(program, descriptors), injected.count


def judge(outcome, fault, count):
    """What the clients of a suite lost beyond the price of the faults."""
    wrong = []
    if count == 0 and not fault.syscalls.startswith(MAY_BE_IDLE):
        wrong.append("no call failed")
    lost = count if fault.price == ENDED else 0
    refused = count if fault.price == REFUSED else 0
    if len(outcome.lost) > lost or outcome.refused > refused:
        lost = f"{len(outcome.lost)} lost {outcome.lost[:3]}, {outcome.refused} refused"
        wrong.append(f"{lost} by {count} faults")
    if outcome.wrong:
        wrong.append(f"{len(outcome.wrong)} wrong: {outcome.wrong[:3]}")
    if outcome.whole == 0:
        wrong.append("not one client was served")
    return wrong


def of_a_while(executable, fault):
    """Every call fails for a second. Clients that come meanwhile wait, and lose nothing."""
    with Program(executable) as program:
        program.serves()
        descriptors = program.descriptors()
        with Faults(program.pid, fault.syscalls, fault.error, fault.when) as injected:
            ends = time.monotonic() + 1
            waiting = [connected(address) for address in program.addresses * 4]
            await_first(injected)
            before = so_far(injected)
            time.sleep(max(0, ends - time.monotonic()))
            tries = so_far(injected) - before
            if ".." in fault.when:
                last = int(fault.when.partition("..")[2])
                eventually(lambda: so_far(injected) >= last)
        wrong = []
        if fault.syscalls == "accept4" and tries > MAX_TRIES:
            wrong.append(f"{tries} calls failed in a second: it spins")
        for client in waiting:
            try:
                client.await_upgrade()
            except Refused:
                if fault.price != REFUSED:
                    wrong.append("a client was refused")
                continue
            client.echo(b"after all")
            client.close()
        return wrong + faults_after(program, descriptors), injected.count


def connected(address):
    """A client whose request is on its way, and who waits."""
    client = Client(address, upgrade=False)
    client.send(UPGRADE[:60])
    client.send(UPGRADE[60:])
    return client


def of_the_waker(executable):
    """The thread that answers later is interrupted as it wakes the reactor."""
    with Program(executable) as program:
        program.serves()
        descriptors = program.descriptors()
        client = Client(program.port)
        with Faults(program.task("delay"), "write", "EINTR", "1+2") as injected:
            for number in range(20):
                data = b"answer %d" % number
                client.expect_reply(1105, client.ask(1105, bytes(4) + data), data)
        client.close()
        wrong = [] if injected.count else ["no call failed"]
        return wrong + faults_after(program, descriptors), injected.count


def of_the_start(executable, fault):
    """The program starts under strace: it serves, or says in one line why it does not."""
    syscalls, error, when = fault
    descriptor, log = tempfile.mkstemp(prefix="sysconn-strace-")
    os.close(descriptor)
    # The shell says its process id, and becomes the program.
    wrapper = [*words(syscalls, error, when, log), "-f", "--", "sh", "-c", 'echo $$; exec "$0" "$@"']
    try:
        with Program(executable, wrapper=wrapper, start=False) as program:
            program.spawn()
            pid = program.process.stdout.readline().strip()
            line = program.process.stdout.readline()
            wrong = serves(program, line, pid) if line else gave_up(executable, program)
        return wrong, len(INJECTED.findall(Path(log).read_text(errors="replace")))
    finally:
        os.unlink(log)


def serves(program, line, pid):
    """It listens: then it serves as ever, and ends as ever."""
    match = LISTENING.fullmatch(line)
    if not match:
        return [f"it printed {line!r}"]
    program.port = int(match[1])
    wrong = []
    program.serves()
    os.kill(int(pid), 15)
    more, _ = program.process.communicate(timeout=PATIENCE)
    if (program.process.returncode, more) != (0, ""):
        wrong.append(f"on SIGTERM it ended with status {program.process.returncode} and printed {more!r}")
    if "panic" in program.log_text():
        wrong.append(f"it panicked: {program.log_text()[-300:]}")
    return wrong


def gave_up(executable, program):
    """It does not listen: then it has said why, and whatever it left behind is not in the way of the next one."""
    status = program.process.wait(PATIENCE)
    said = program.log_text()
    own = [line for line in said.splitlines() if line.startswith("sysconn: ")]
    others = [line for line in said.splitlines() if not line.startswith(("sysconn: ", "["))]
    wrong = []
    if status != 2 or len(own) != 1 or others or "panic" in said:
        wrong.append(f"status {status}, and the log is {said[-500:]!r}")
    with Program(executable, folder=program.folder) as next_one:
        next_one.serves()
    return wrong


def can_trace():
    """Why strace can't be used here, or None."""
    with Program("sleep", start=False) as program:
        program.process = subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE, start_new_session=True)
        try:
            with Faults(program.process.pid, "nanosleep", "EINTR", "1"):
                pass
        except OSError as error:
            return str(error)
    return None



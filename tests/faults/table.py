"""The faults of a server that runs: which system call fails, with what, how often, and whom that may cost what."""

from dataclasses import dataclass

READ = "read,readv,recvfrom,recvmsg"
WRITE = "write,writev,sendto,sendmsg"
POLL = "epoll_wait,epoll_pwait,epoll_pwait2"

NOBODY = "nobody loses anything"
NUDGED = "nobody loses anything; who waits says something more, as no event follows a fake EAGAIN"
REFUSED = "each fault may cost one client its upgrade, with 503"
ENDED = "each fault may end one connection"


@dataclass
class Fault:
    """One line of the table. `when` is strace's: FIRST+STEP, FIRST+ for every call from there on, or FIRST..LAST."""

    syscalls: str
    error: str
    when: str
    price: str

    @property
    def name(self):
        return f"{self.syscalls.partition(',')[0]} {self.error} {self.when}"


def faults(syscalls, when, price, *errors):
    return [Fault(syscalls, error, when, price) for error in errors]


# accept(2), recv(2), send(2), epoll_wait(2), epoll_ctl(2), shutdown(2), and what tcp(7), ip(7) and unix(7) add to them.
OF_CALLS = [
    *faults("accept4", "3+5", NOBODY, "ECONNABORTED", "EINTR", "EPROTO"),
    *faults("accept4", "3+5", NOBODY, "ENETDOWN", "ENOPROTOOPT", "EHOSTDOWN", "ENONET", "EHOSTUNREACH"),
    *faults("accept4", "3+5", NOBODY, "EOPNOTSUPP", "ENETUNREACH", "ETIMEDOUT"),
    *faults("accept4", "3+5", NOBODY, "ENOBUFS", "ENOMEM", "EPERM"),
    *faults("accept4", "3+5", REFUSED, "EMFILE", "ENFILE"),
    *faults(READ, "5+7", NOBODY, "EINTR"),
    *faults(READ, "5+7", NUDGED, "EAGAIN"),
    *faults(READ, "9+40", ENDED, "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENOMEM", "ENOBUFS"),
    *faults(READ, "9+40", ENDED, "ECONNREFUSED", "ENOTCONN", "EPIPE", "EIO"),
    *faults(WRITE, "3+4", NOBODY, "EINTR"),
    *faults(WRITE, "3+4", NUDGED, "EAGAIN"),
    *faults(WRITE, "9+40", ENDED, "EPIPE", "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN"),
    *faults(WRITE, "9+40", ENDED, "ENOBUFS", "ENOMEM", "ENOTCONN", "EACCES", "EPERM"),
    *faults(POLL, "2+3", NOBODY, "EINTR"),
    *faults("epoll_ctl", "2+4", ENDED, "ENOMEM", "ENOSPC", "EPERM", "EEXIST"),
    *faults("shutdown", "1+2", NOBODY, "ENOTCONN", "ENOBUFS"),
    # Not called in this time today. Should that change, an error must not be what ends a connection.
    *faults("setsockopt,getsockopt,fcntl,ioctl", "1+1", NOBODY, "EINVAL", "ENOMEM"),
    *faults("getrandom", "1+1", NOBODY, "ENOSYS", "EINTR"),
]

MAY_BE_IDLE = ("setsockopt", "getrandom")
"""Calls that a server which runs need not make."""

# Every accept fails for a while: clients wait, and come in once it is over.
OF_A_WHILE = [
    *faults("accept4", "1+", NOBODY, "ENOBUFS", "ENOMEM", "EPERM"),
    # The spare descriptor is given up for whoever comes as the fault ends.
    *faults("accept4", "1+", REFUSED, "EMFILE", "ENFILE"),
    # A poll that fails is tried again at once: there is nothing else to wait on. It ends by itself, since a call that
    # strace leaves half-way fails with an error of strace's own.
    *faults(POLL, "1..3000", NOBODY, "EINTR"),
]

# While the program starts: it serves all the same, or ends with status 2 and one line.
OF_THE_START = [
    ("socket", ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EACCES", "EAFNOSUPPORT")),
    ("setsockopt", ("EINVAL", "ENOMEM", "ENOBUFS", "ENOPROTOOPT")),
    ("bind", ("EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "EROFS", "ENOENT", "ENOMEM")),
    ("listen", ("EADDRINUSE", "EOPNOTSUPP")),
    ("epoll_create1", ("EMFILE", "ENFILE", "ENOMEM")),
    ("epoll_ctl", ("ENOMEM", "ENOSPC")),
    ("eventfd2", ("EMFILE", "ENFILE", "ENODEV", "ENOMEM")),
    ("fcntl", ("EMFILE", "EINVAL")),
    ("socketpair", ("EMFILE", "ENFILE", "ENOMEM")),
    ("rt_sigaction", ("EINVAL",)),
    ("clone3,clone", ("EAGAIN", "ENOMEM")),
    ("getrandom", ("ENOSYS", "EINTR")),
    ("prlimit64", ("EPERM",)),
    ("sched_getaffinity", ("EPERM",)),
]
START_WHEN = ("1", "2", "3")
"""The call that fails. There may be fewer calls: then nothing fails, and the program serves."""

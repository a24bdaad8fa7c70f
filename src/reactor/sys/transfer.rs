//! Receives from sockets and sends to them, by system calls that need `unsafe`.
//!
//! In a process with threads the C library surrounds recv(2) and send(2) by what pthread_cancel(3) needs:
//! four locked instructions, and a tenth of all that a short request and its reply take. Nobody cancels a
//! thread that runs a reactor, and syscall(2) leaves that out.

pub(super) use calls::{receive, send};

#[cfg(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
))]
#[allow(unsafe_code, reason = "no library at hand makes these system calls so")]
mod calls {
    use std::ffi::{c_int, c_long};
    use std::io;
    use std::os::fd::{AsFd, AsRawFd};
    use std::ptr::null;

    #[cfg(target_arch = "x86_64")]
    const SENDTO: c_long = 44;
    #[cfg(target_arch = "x86_64")]
    const RECVFROM: c_long = 45;
    #[cfg(target_arch = "aarch64")]
    const SENDTO: c_long = 206;
    #[cfg(target_arch = "aarch64")]
    const RECVFROM: c_long = 207;

    /// A peer that is gone is an error, and no signal.
    const MSG_NOSIGNAL: c_int = 0x4000;
    const NO_FLAGS: c_int = 0;
    const NO_ADDRESS: *const u8 = null();
    const NO_LENGTH: c_int = 0;

    unsafe extern "C" {
        fn syscall(number: c_long, ...) -> c_long;
    }

    /// Receives bytes like recv(2).
    #[inline(always)]
    pub(crate) fn receive(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
        let fd = socket.as_fd();
        let (fd, len) = (fd.as_raw_fd(), buffer.len());
        // SAFETY: the descriptor is open, since it is borrowed. The call writes at most `len` bytes, to a
        // buffer of that length that nothing else uses, no address, and keeps no pointer.
        let result =
            unsafe { syscall(RECVFROM, fd, buffer.as_mut_ptr(), len, NO_FLAGS, NO_ADDRESS, NO_ADDRESS) };
        count(result)
    }

    /// Sends bytes like send(2).
    #[inline(always)]
    pub(crate) fn send(socket: &impl AsFd, bytes: &[u8]) -> io::Result<usize> {
        let fd = socket.as_fd();
        let (fd, len) = (fd.as_raw_fd(), bytes.len());
        // SAFETY: the descriptor is open, since it is borrowed. The call reads `len` bytes, from a slice of
        // that length, no address, and keeps no pointer.
        let result = unsafe { syscall(SENDTO, fd, bytes.as_ptr(), len, MSG_NOSIGNAL, NO_ADDRESS, NO_LENGTH) };
        count(result)
    }

    /// The number of bytes that a call has moved, or why it has failed.
    #[inline(always)]
    fn count(result: c_long) -> io::Result<usize> {
        usize::try_from(result).or_else(|_| last_error())
    }

    #[cold]
    #[inline(never)]
    fn last_error() -> io::Result<usize> {
        Err(io::Error::last_os_error())
    }
}

/// Other systems and processors number these calls otherwise, or not at all.
#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
)))]
mod calls {
    use std::io::{self, Read, Write};

    pub(crate) fn receive(mut socket: impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        socket.read(buffer)
    }

    pub(crate) fn send(mut socket: impl Write, bytes: &[u8]) -> io::Result<usize> {
        socket.write(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn bytes_arrive_and_errors_are_told() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(receive(&theirs, &mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(send(&ours, b"hello").unwrap(), 5);
        assert_eq!(receive(&theirs, &mut buffer).unwrap(), 4);
        assert_eq!(&buffer, b"hell");
        assert_eq!(receive(&theirs, &mut buffer).unwrap(), 1);
        assert_eq!(&buffer, b"oell", "nothing else is written");
        drop(ours);
        assert_eq!(receive(&theirs, &mut buffer).unwrap(), 0);
        assert_eq!(send(&theirs, b"hello").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}

//! How much of what was written to a socket its peer's system has not acknowledged: `ioctl(SIOCOUTQ)`.

use std::os::fd::RawFd;

/// Bytes that were written to a connected socket and wait in the kernel: for TCP those that the peer's
/// kernel has not acknowledged, an end that was sent counted as one; for a Unix domain socket the memory of
/// what the peer has not read. None where the system cannot say.
pub(super) fn unacknowledged_bytes(fd: RawFd) -> Option<usize> {
    system::unacknowledged_bytes(fd)
}

// The number of the request is that of asm-generic, which MIPS, PowerPC and SPARC do not share.
#[cfg(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "aarch64",
        target_arch = "arm",
        target_arch = "riscv64",
        target_arch = "loongarch64",
        target_arch = "s390x"
    )
))]
mod system {
    #![allow(unsafe_code, reason = "no dependency wraps this system call")]

    use std::ffi::{c_int, c_ulong};
    use std::os::fd::RawFd;

    /// `linux/sockios.h`, tcp(7), unix(7).
    const SIOCOUTQ: c_ulong = 0x5411;

    unsafe extern "C" {
        /// ioctl(2)
        fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    }

    pub(super) fn unacknowledged_bytes(fd: RawFd) -> Option<usize> {
        let mut bytes: c_int = 0;
        // SAFETY: for this request the kernel writes one int to the address that it is given, which is that
        // of `bytes` and valid for the whole call. A descriptor that is no socket, or is closed, is an error.
        let result = unsafe { ioctl(fd, SIOCOUTQ, &raw mut bytes) };
        usize::try_from(bytes).ok().filter(|_| result == 0)
    }
}

#[cfg(not(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "aarch64",
        target_arch = "arm",
        target_arch = "riscv64",
        target_arch = "loongarch64",
        target_arch = "s390x"
    )
)))]
mod system {
    pub(super) fn unacknowledged_bytes(_: std::os::fd::RawFd) -> Option<usize> {
        None
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", not(miri)))]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// Writes until the socket takes no more; what the peer then reads is no longer counted.
    fn check(mut near: impl Write + AsRawFd, mut far: impl Read, name: &str) {
        assert_eq!(unacknowledged_bytes(near.as_raw_fd()), Some(0), "{name}");
        let mut written = 0;
        while let Ok(len) = near.write(&[7; 64 * 1024]) {
            written += len;
        }
        let full = unacknowledged_bytes(near.as_raw_fd()).unwrap();
        assert!(full > 0, "{name}: {written} bytes were written");
        let mut buffer = vec![0; 64 * 1024];
        while written > 0 {
            written -= far.read(&mut buffer).unwrap();
        }
        while unacknowledged_bytes(near.as_raw_fd()) != Some(0) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_the_peer_has_not_taken_is_counted() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (near, _) = listener.accept().unwrap();
        near.set_nonblocking(true).unwrap();
        check(near, far, "TCP");
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        check(near, far, "Unix");
    }

    #[test]
    fn no_socket_has_no_figure() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(unacknowledged_bytes(file.as_raw_fd()), None);
        assert_eq!(unacknowledged_bytes(-1), None);
    }
}

//! Asks the kernel how many written bytes the peer has not acknowledged, by a system call that needs
//! `unsafe`.

use std::os::fd::AsFd;

/// Bytes of a stream socket that the peer has not acknowledged, including those not yet sent (tcp(7),
/// `SIOCOUTQ`). For a Unix domain socket it is the memory that the kernel holds for them, which is more. None
/// if the kernel cannot tell.
#[cfg(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "aarch64",
        target_arch = "arm",
        target_arch = "riscv64"
    )
))]
#[allow(unsafe_code, reason = "no library at hand makes this system call")]
pub(super) fn unacknowledged(socket: &impl AsFd) -> Option<u64> {
    use std::ffi::{c_int, c_ulong};
    use std::os::fd::AsRawFd;

    /// `SIOCOUTQ` of the kernel's asm-generic/ioctls.h, which these processors share.
    const SIOCOUTQ: c_ulong = 0x5411;

    unsafe extern "C" {
        fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    }

    let fd = socket.as_fd();
    let mut bytes: c_int = 0;
    // SAFETY: the descriptor is open, since it is borrowed. This request writes one int through the pointer,
    // which points to an int that nothing else uses, and does not keep the pointer.
    let result = unsafe { ioctl(fd.as_raw_fd(), SIOCOUTQ, std::ptr::from_mut(&mut bytes)) };
    if result == 0 { u64::try_from(bytes).ok() } else { None }
}

/// Other systems (including macOS) and processors have another request or none. There, a client that sends
/// nothing counts as silent even while it slowly receives a large reply, and a closing connection does not
/// wait until its last bytes are acknowledged.
#[cfg(not(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "aarch64",
        target_arch = "arm",
        target_arch = "riscv64"
    )
)))]
pub(super) fn unacknowledged(_: &impl AsFd) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use super::*;

    const BYTES: usize = 2048;

    /// Waits until `wanted` accepts the number.
    fn wait_for(socket: &impl AsFd, wanted: impl Fn(u64) -> bool) {
        while !unacknowledged(socket).is_some_and(&wanted) {
            std::thread::yield_now();
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know this call")]
    fn bytes_that_a_peer_has_not_taken_are_counted() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        assert_eq!(unacknowledged(&ours), Some(0));
        ours.write_all(&[1; BYTES]).unwrap();
        assert!(unacknowledged(&ours).unwrap() >= BYTES as u64);
        theirs.read_exact(&mut [0; BYTES]).unwrap();
        wait_for(&ours, |bytes| bytes == 0);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut theirs, _) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        // The peer's kernel acknowledges the bytes that it has space for.
        while ours.write(&[1; BYTES]).is_ok() {}
        wait_for(&ours, |bytes| bytes > 0);
        theirs.set_nonblocking(true).unwrap();
        while unacknowledged(&ours).unwrap() > 0 {
            while theirs.read(&mut [0; BYTES]).is_ok() {}
        }
        assert_eq!(unacknowledged(&std::fs::File::open("/dev/null").unwrap()), None);
    }
}

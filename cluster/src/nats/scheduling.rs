//! Tells the scheduler that a thread works in batches, by a system call that needs `unsafe`.
//!
//! Otherwise the bus's thread takes the core from a worker whenever that wakes it, and gives it back at once:
//! two switches for each batch of publishes. A thread of the policy `SCHED_BATCH` waits until the worker has
//! nothing to do or has had its slice; its share of the core is the same (sched(7)).

pub(super) use policy::work_in_batches;

#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "no library at hand makes this system call")]
mod policy {
    use std::ffi::c_int;

    const SCHED_BATCH: c_int = 3;

    #[repr(C)]
    struct Parameters {
        priority: c_int,
        /// musl's have more fields than glibc's and the kernel's.
        reserved: [u64; 6],
    }

    unsafe extern "C" {
        fn sched_setscheduler(thread: c_int, policy: c_int, parameters: *const Parameters) -> c_int;
    }

    /// Has this thread, and those that it starts, run so. Where that is refused, it costs only the switches.
    pub(in crate::nats) fn work_in_batches() {
        let parameters = Parameters { priority: 0, reserved: [0; 6] };
        // SAFETY: the parameters outlive the call, which reads no more than them.
        let _ = unsafe { sched_setscheduler(0, SCHED_BATCH, &raw const parameters) };
    }
}

#[cfg(not(target_os = "linux"))]
mod policy {
    /// Other systems have no such policy.
    pub(in crate::nats) fn work_in_batches() {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_thread_has_the_policy_afterwards() {
        let policy = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // Its name, in parentheses, is the second field; the policy is the 41st.
            let (_, rest) = stat.rsplit_once(") ").unwrap();
            rest.split(' ').nth(41 - 3).unwrap().to_owned()
        };
        let before_and_after = std::thread::spawn(move || {
            let before = policy();
            super::work_in_batches();
            (before, policy())
        });
        assert_eq!(before_and_after.join().unwrap(), ("0".to_owned(), "3".to_owned()));
    }
}

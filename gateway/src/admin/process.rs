//! What the system says of this process.

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Figures of the process. What the system does not tell is absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// The time of all its threads on processors, in seconds.
    pub(super) cpu_seconds: f64,
    /// Memory that is in use, in bytes.
    pub(super) resident_bytes: Option<u64>,
    /// Memory that it has addresses for, in bytes.
    pub(super) virtual_bytes: Option<u64>,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
}

impl Process {
    /// All figures. The descriptors can take milliseconds to count, with many clients on an old kernel.
    pub(super) fn now() -> Self {
        Process { open_fds: open_fds(), max_fds: getrlimit(Resource::Nofile).current, ..Process::brief() }
    }

    /// The figures that cost nothing.
    pub(super) fn brief() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
            kibibytes.checked_mul(1024)
        };
        Process {
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            resident_bytes: bytes("VmRSS:"),
            virtual_bytes: bytes("VmSize:"),
            open_fds: None,
            max_fds: None,
        }
    }
}

/// The number of open descriptors: the size of their directory since Linux 6.2, and before that its entries.
fn open_fds() -> Option<u64> {
    const DIRECTORY: &str = "/proc/self/fd";
    let size = std::fs::metadata(DIRECTORY).ok()?.len();
    if size > 0 {
        return Some(size);
    }
    // One of them is that of the directory.
    Some((std::fs::read_dir(DIRECTORY).ok()?.count() as u64).saturating_sub(1))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_all_of_it() {
        let process = Process::now();
        let resident = process.resident_bytes.unwrap();
        assert!(resident > 1 << 20 && process.virtual_bytes.unwrap() >= resident, "{process:?}");
        assert!(process.cpu_seconds > 0.0, "{process:?}");
        assert!(process.open_fds.unwrap() >= 3 && process.max_fds.unwrap() >= 3, "{process:?}");
    }
}

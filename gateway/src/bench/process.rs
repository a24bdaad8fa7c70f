//! CPU time and memory: of this process, and of the server by its id (proc(5)).

use std::fs;

use rustix::time::{ClockId, clock_gettime};

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// CPU time, in nanoseconds.
    pub(super) cpu: u64,
    /// Resident memory.
    pub(super) resident_bytes: u64,
}

/// CPU time of this process so far, in nanoseconds.
pub(super) fn own_cpu() -> u64 {
    time_of(ClockId::ProcessCPUTime)
}

fn time_of(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// How long this thread was ready to run and had no core, in nanoseconds; 0 where the kernel does not say.
pub(super) fn own_wait() -> u64 {
    let line = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    line.split(' ').nth(1).and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

/// What a process has used; `None` if there is no such process.
pub(super) fn usage(pid: u32) -> Option<Usage> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    Some(Usage { cpu: cpu_of(pid)?, resident_bytes: resident_bytes(&read("status")?)? })
}

/// Nanoseconds that all threads have run: those of `schedstat`, since `stat` counts ticks of 10 ms. But only
/// `stat` has what threads used that have ended, so it is right where it says more.
fn cpu_of(pid: u32) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let ran = |path: std::path::PathBuf| -> Option<u64> {
        fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    // A thread may end meanwhile.
    let of_threads = threads.filter_map(|thread| ran(thread.ok()?.path())).sum();
    cpu_in_ticks(pid).map(|ticks| ticks.max(of_threads))
}

/// The same in ticks, also of threads that have ended.
fn cpu_in_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may have spaces and parentheses.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
    user.checked_add(system)?.checked_mul(tick)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_cpu_and_memory_and_process_0_is_none() {
        let of_this = usage(std::process::id()).unwrap();
        assert!(of_this.cpu > 0 && of_this.resident_bytes > 100_000, "{of_this:?}");
        assert!(own_cpu() > 0);
        assert!(cpu_in_ticks(std::process::id()).is_some());
        assert_eq!(usage(0), None);
    }

    #[test]
    fn what_threads_used_that_have_ended_counts() {
        const USED: u64 = 200_000_000;
        let spin = || while time_of(ClockId::ThreadCPUTime) < USED {};
        std::thread::spawn(spin).join().unwrap();
        let at_least = own_cpu();
        let counted = usage(std::process::id()).unwrap().cpu;
        // User and system time have ticks of their own.
        assert!(counted + USED / 2 >= at_least, "{counted} of {at_least}");
    }
}

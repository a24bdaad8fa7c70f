//! Pinning of workers to cores: the one that `--cpu` names, and those after it.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Checks that `workers` workers can be pinned, from the core `first` on. This thread keeps its own cores,
/// which the threads that it starts inherit: only workers are pinned, each by itself.
///
/// # Errors
/// One line that names the core that is not available.
pub(crate) fn check(first: usize, workers: usize) -> Result<(), String> {
    let error = |error| format!("--cpu {first}: {error}");
    let given = sched_getaffinity(None).map_err(error)?;
    (first..first.saturating_add(workers)).rev().try_for_each(|cpu| {
        pin(cpu).map_err(|error| match workers {
            1 => error,
            _ => format!("{error} (--cpu {first} with --workers {workers} takes one for each)"),
        })
    })?;
    sched_setaffinity(None, &given).map_err(error)
}

/// Pins this thread.
///
/// # Errors
/// One line, if the core does not exist or this process may not use it.
pub(crate) fn pin(cpu: usize) -> Result<(), String> {
    let mut cpus = CpuSet::new();
    if cpu >= CpuSet::MAX_CPU {
        return Err(format!("--cpu: there is no CPU {cpu}"));
    }
    cpus.set(cpu);
    sched_setaffinity(None, &cpus)
        .map_err(|error| format!("--cpu {cpu}: there is no such CPU, or it is not for this process: {error}"))
}

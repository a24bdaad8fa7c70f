//! Numbers as people read them, in few columns.

/// A count: exact if it has no more than that many digits, or else with one of k, M, G, T, P, E.
pub(super) fn count(number: u64, digits: usize) -> String {
    let exact = number.to_string();
    if exact.len() <= digits {
        exact
    } else {
        scaled(number as f64, 1000.0, &["", "k", "M", "G", "T", "P", "E"])
    }
}

/// Bytes, in powers of 1024.
pub(super) fn bytes(number: u64) -> String {
    scaled(number as f64, 1024.0, &["B", "K", "M", "G", "T", "P", "E"])
}

/// A rate, with a digit behind the point where it is small.
pub(super) fn rate(number: f64) -> String {
    if number.abs() < 1000.0 {
        let digits = usize::from(number.fract() != 0.0 && number < 100.0);
        return format!("{number:.digits$}");
    }
    scaled(number, 1000.0, &["", "k", "M", "G", "T", "P", "E"])
}

/// Milliseconds with their unit; `-` where nothing was measured.
pub(super) fn milliseconds(number: Option<f64>) -> String {
    match number {
        None => "-".to_owned(),
        Some(ms) if ms < 1.0 => format!("{:.0} us", ms * 1000.0),
        Some(ms) if ms < 10.0 => format!("{ms:.1} ms"),
        Some(ms) if ms < 10_000.0 => format!("{ms:.0} ms"),
        Some(ms) => format!("{:.0} s", ms / 1000.0),
    }
}

/// A duration of milliseconds, in its two largest units.
pub(super) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

/// At most four digits, and a unit.
fn scaled(number: f64, step: f64, units: &[&str]) -> String {
    let (mut number, mut units) = (number, units.iter());
    let mut unit = units.next().copied().unwrap_or_default();
    let is_whole = number < step;
    for next in units {
        // What would be rounded up to a whole step belongs to the next unit.
        if number < step - 0.5 {
            break;
        }
        number /= step;
        unit = next;
    }
    let digits = usize::from(!is_whole && number < 99.95);
    format!("{number:.digits$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, expected) in
            [(0, "0"), (99_999, "99999"), (100_000, "100k"), (1_234_567, "1.2M"), (u64::MAX, "18.4E")]
        {
            assert_eq!(count(number, 5), expected);
        }
        assert_eq!(count(1_234_567, 7), "1234567");
        for (number, expected) in
            [(0, "0B"), (1023, "1023B"), (1024, "1.0K"), (1_048_575, "1.0M"), (123_456_789, "118M")]
        {
            assert_eq!(bytes(number), expected);
        }
        for (number, expected) in
            [(0.0, "0"), (0.5, "0.5"), (12.0, "12"), (123.4, "123"), (12_345.0, "12.3k"), (999_999.0, "1.0M")]
        {
            assert_eq!(rate(number), expected);
        }
        for (number, expected) in [
            (None, "-"),
            (Some(0.05), "50 us"),
            (Some(1.25), "1.2 ms"),
            (Some(250.0), "250 ms"),
            (Some(12_000.0), "12 s"),
        ] {
            assert_eq!(milliseconds(number), expected);
        }
        for (ms, expected) in [
            (999, "0s"),
            (61_000, "1m01s"),
            (3_661_000, "1h01m"),
            (90_061_000, "1d01h"),
            (u64::MAX, "213503982334d14h"),
        ] {
            assert_eq!(duration(ms), expected);
        }
    }
}

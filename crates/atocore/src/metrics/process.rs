//! What this process takes of the machine, under the names that Prometheus has for it. Where the system does not say, they
//! are absent.

use std::{fs, sync::atomic::AtomicU64};

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};

/// How many ticks the system counts in a second of work.
const TICKS: f64 = 100.0;

/// The measurements of this moment.
pub(super) fn registry() -> Registry {
    let mut registry = Registry::default();
    let known = [
        ("process_resident_memory_bytes", "Memory that is in use", resident_bytes()),
        ("process_cpu_seconds", "Work of all threads since the start", cpu_seconds()),
        ("process_open_fds", "Open files and connections", open_files()),
    ];
    for (name, help, number) in known {
        if let Some(number) = number {
            let gauge = Gauge::<f64, AtomicU64>::default();
            let _before = gauge.set(number);
            registry.register(name, help, gauge);
        }
    }
    registry
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(resident.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * 1024.0)
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in brackets and may have blanks in it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS)
}

fn open_files() -> Option<f64> {
    u32::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok().map(f64::from)
}

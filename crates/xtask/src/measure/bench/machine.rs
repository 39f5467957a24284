//! What the figures were taken on. Names no place and no host.

use std::path::Path;

/// One line about the machine and the file system that holds `dir`.
pub(super) fn describe(dir: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let noun = if cores == 1 { "core" } else { "cores" };
    let memory =
        memory_gib().map_or_else(|| "memory unknown".to_owned(), |gib| format!("{gib:.0} GiB memory"));
    let system = file_system(dir).unwrap_or_else(|| "unknown".to_owned());
    format!(
        "machine: {cores} {noun} ({}, {}), {memory}, file system {system}, {}",
        std::env::consts::ARCH,
        vectors(),
        load()
    )
}

/// What else the machine is doing: beyond its cores, figures are too high.
pub(super) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .filter(|load| !load.is_empty())
        .map_or_else(|| "load unknown".to_owned(), |load| format!("load {load} (mean of the last minute)"))
}

/// What this process has in memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resident {
    pub(super) all: u64,
    /// What it has written itself.
    pub(super) own: u64,
    /// Pages of files that are mapped: the system takes them back when it needs the room.
    pub(super) files: u64,
}

impl Resident {
    /// Asks the system; zeros where it does not say.
    pub(super) fn now() -> Self {
        let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bytes = |name: &str| {
            let kib = text.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix("kB")?;
            Some(kib.trim().parse::<u64>().ok()? << 10)
        };
        let of = |name| bytes(name).unwrap_or_default();
        Self { all: of("VmRSS:"), own: of("RssAnon:"), files: of("RssFile:") + of("RssShmem:") }
    }

    /// What has come since then.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            all: self.all.saturating_sub(before.all),
            own: self.own.saturating_sub(before.own),
            files: self.files.saturating_sub(before.files),
        }
    }
}

/// Who used the processor since a moment, in ticks of the system's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    all: u64,
    idle: u64,
    ours: u64,
}

impl Use {
    /// Asks the system; `None` where it does not say.
    pub(super) fn now() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/stat").ok()?;
        // user, nice, system, idle, waiting for a disk, and more that is busy; what guests use is in the first two.
        let all = text.lines().next()?.strip_prefix("cpu")?.split_whitespace();
        let all: Vec<u64> = all.filter_map(|word| word.parse().ok()).collect();
        let own = std::fs::read_to_string("/proc/self/stat").ok()?;
        // Behind the name, which may have any character: the thread's state, then numbers. Children that were waited
        // for are counted with us.
        let own: Vec<i64> =
            own.rsplit_once(") ")?.1.split(' ').filter_map(|word| word.parse().ok()).collect();
        Some(Self {
            all: all.iter().take(8).sum(),
            idle: all.get(3..5)?.iter().sum(),
            ours: own.get(10..14)?.iter().sum::<i64>().unsigned_abs(),
        })
    }

    /// What others used of the time of all cores since then, for a person.
    pub(super) fn of_others_since(before: Option<Self>) -> String {
        let of = |before: Self, now: Self| {
            let all = now.all.checked_sub(before.all).filter(|all| *all > 0)?;
            let idle = now.idle.checked_sub(before.idle)?;
            let others = all.saturating_sub(idle).saturating_sub(now.ours.saturating_sub(before.ours));
            Some(format!("other programs used {} % of the processor meanwhile", others * 100 / all))
        };
        let both = before.zip(Self::now()).and_then(|(before, now)| of(before, now));
        both.unwrap_or_else(|| "what other programs used meanwhile is unknown".to_owned())
    }
}

/// The widest vector instructions that matter to us.
fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "AVX2";
    }
    "no AVX2"
}

fn memory_gib() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / f64::from(1 << 20))
}

/// The type of the file system with the longest mount point above `dir`.
fn file_system(dir: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let above = mounted.filter(|(place, _)| dir.starts_with(place));
    above.max_by_key(|(place, _)| place.len()).map(|(_, kind)| kind.to_owned())
}

//! Turns raw settings into a [`Config`]; goes on after a fault, so that all of them are named.

mod formats;
mod models;
mod packing;
mod vectors;

use std::{fmt::Display, path::PathBuf, str::FromStr, time::Duration};

use atocore_engine::{
    EngineConfig, Layout, RankWeights,
    ingest::ChunkLimits,
    retention::{KeepCounts, RetentionRules},
    schedule::{Schedule, ScheduledJob},
};
use atocore_model::{fit::Fit, ranking::Fusion};
use axum::http::Uri;

use super::{
    Config, ConfigError, Fault, Key, LogFormat, LogLevel, SettingOrigin, SettingValue, Settings, Token,
    settings::{MODELS, Raw, TOKEN_FILE},
};

/// The settings of retention.
const KEEP: [Key; 6] =
    [Key::KeepLast, Key::KeepHourly, Key::KeepDaily, Key::KeepWeekly, Key::KeepMonthly, Key::KeepYearly];

/// Checks settings.
///
/// # Errors
/// When anything in them is wrong.
pub(super) fn checked(settings: Settings) -> Result<Config, ConfigError> {
    let mut check = Check { faults: settings.faults.clone(), settings: &settings, shown: Vec::new() };
    let home = check.folder(Key::Home, PathBuf::new);
    let parts = Layout::in_home(&home);
    let layout = Layout {
        data: check.folder(Key::DataDir, || parts.data.clone()),
        backups: check.folder(Key::BackupDir, || parts.backups.clone()),
        registry: check.folder(Key::ProjectRegistryPath, || parts.registry.clone()),
        chroma: None,
    };
    let vault_dir = check.folder_if_set(Key::VaultDir);
    let drive_dir = check.folder_if_set(Key::DriveDir);
    let model_dir = check.folder(Key::ModelDir, || models_beside(&layout));
    let host = check.value(Key::Host, host);
    let port = check.value(Key::Port, |text| text.parse().ok());
    let token = |text: &str| Token::new(text).ok();
    let api_token = check.optional(Key::ApiToken, token);
    let follow = check.follow();
    let keep_questions = check.is_on(Key::QueryLog);
    let wait = check.number(Key::DbBusyTimeoutMs);
    let chunks = check.chunks();
    let max_file_bytes = check.number(Key::MaxFileBytes);
    let formats = check.formats();
    let max_removed_percent = check.number(Key::MaxRemovedPercent);
    let model = check.model(&layout, &model_dir);
    let model_hub = check.model_hub();
    let vectors = check.vectors();
    let layout = Layout { chroma: check.chroma_folder(&layout, &home), ..layout };
    let chroma_program = check.chroma_program();
    let weights = check.ranking();
    let packing = check.packing();
    let retention = check.retention();
    let schedule = check.schedule();
    let webhook = check.webhook();
    let log = check.optional(Key::Log, LogLevel::of);
    let log_format = check.value(Key::LogFormat, LogFormat::of);
    let Check { faults, shown, .. } = check;
    let (Some(host), Some(port), Some(chunks), Some(log_format), true) =
        (host, port, chunks, log_format, faults.is_empty())
    else {
        return Err(ConfigError { faults });
    };
    let engine = EngineConfig {
        vault_dir,
        drive_dir,
        busy_timeout: Duration::from_millis(wait),
        chunks,
        max_file_bytes,
        formats,
        max_removed_percent,
        model,
        vectors,
        chroma_program,
        weights,
        packing,
        keep_questions,
        retention,
        schedule,
        ..EngineConfig::new(layout)
    };
    Ok(Config {
        token_file: home.join(TOKEN_FILE),
        home,
        file: settings.file,
        ignored: settings.ignored,
        runtime_dir: settings.runtime_dir,
        engine,
        host,
        port,
        api_token,
        model_dir,
        model_hub,
        follow,
        webhook,
        log,
        log_format,
        shown,
    })
}

/// Where models lie that belong to one installation.
fn models_beside(layout: &Layout) -> PathBuf {
    layout.cache().join(MODELS)
}

struct Check<'a> {
    settings: &'a Settings,
    faults: Vec<Fault>,
    shown: Vec<SettingValue>,
}

impl Check<'_> {
    /// The value of a setting that has a default; `None` after a fault.
    fn value<T>(&mut self, key: Key, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.value_within(key, &key.setting().range, read)
    }

    /// As [`Check::value`], with what is allowed in words that depend on other settings.
    fn value_within<T>(
        &mut self,
        key: Key,
        allowed: &dyn Display,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let raw = self.settings.values.get(&key).cloned();
        let raw = raw
            .unwrap_or_else(|| Raw { text: key.default_text().to_owned(), origin: SettingOrigin::Default });
        self.read(key, raw, allowed, read)
    }

    /// The value of a setting that need not be set; `None` also after a fault.
    fn optional<T>(&mut self, key: Key, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        match self.settings.values.get(&key).cloned() {
            Some(raw) => self.read(key, raw, &key.setting().range, read),
            None => {
                self.shown.push(SettingValue { key, value: None, origin: SettingOrigin::Default });
                None
            }
        }
    }

    fn read<T>(
        &mut self,
        key: Key,
        raw: Raw,
        allowed: &dyn Display,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = read(raw.text.trim());
        let shown = if key.is_secret() { "(set, not shown)".to_owned() } else { raw.text.clone() };
        self.shown.push(SettingValue { key, value: Some(shown), origin: raw.origin.clone() });
        if value.is_none() {
            self.faults.push(Fault::value(key, &raw.text, allowed.to_string(), raw.origin));
        }
        value
    }

    fn folder(&mut self, key: Key, default: impl Fn() -> PathBuf) -> PathBuf {
        let given = self.settings.values.get(&key);
        let (path, origin) = match given {
            Some(raw) if raw.text.is_empty() => {
                let allowed = key.setting().range.to_string();
                let origin = raw.origin.clone();
                self.faults.push(Fault::Value { key, value: String::new(), allowed, origin });
                return PathBuf::new();
            }
            Some(raw) => (PathBuf::from(&raw.text), raw.origin.clone()),
            None => (default(), SettingOrigin::BelowHome),
        };
        self.shown.push(SettingValue { key, value: Some(path.display().to_string()), origin });
        path
    }

    fn folder_if_set(&mut self, key: Key) -> Option<PathBuf> {
        if self.settings.values.contains_key(&key) {
            return Some(self.folder(key, PathBuf::new));
        }
        self.shown.push(SettingValue { key, value: None, origin: SettingOrigin::Default });
        None
    }

    /// A whole number; the least there is after a fault.
    fn number<N: TryFrom<u64> + Default>(&mut self, key: Key) -> N {
        let read = |text: &str| N::try_from(key.setting().range.whole(text)?).ok();
        self.value(key, read).unwrap_or_default()
    }

    /// A weight or a share; `None` after a fault.
    fn fraction(&mut self, key: Key) -> Option<f64> {
        self.value(key, |text| key.setting().range.number(text))
    }

    fn weight(&mut self, key: Key) -> f64 {
        self.fraction(key).unwrap_or(1.0)
    }

    /// One of the words of the setting, as what reads them makes of it.
    fn word<T: FromStr + Default>(&mut self, key: Key) -> T {
        self.value(key, |text| key.setting().range.word(text)?.parse().ok()).unwrap_or_default()
    }

    /// Which snapshots are kept. That none is cannot be meant.
    fn retention(&mut self) -> RetentionRules {
        let mut number = |key| self.number(key);
        let keep = KeepCounts {
            last: number(Key::KeepLast),
            hourly: number(Key::KeepHourly),
            daily: number(Key::KeepDaily),
            weekly: number(Key::KeepWeekly),
            monthly: number(Key::KeepMonthly),
            yearly: number(Key::KeepYearly),
        };
        let faulty =
            self.faults.iter().any(|fault| matches!(fault, Fault::Value { key, .. } if KEEP.contains(key)));
        RetentionRules::new(keep).unwrap_or_else(|_| {
            // When one of them is no number, that is the fault to name.
            if let Some((key, raw)) = KEEP.iter().find_map(|key| Some((key, self.settings.values.get(key)?)))
                && !faulty
            {
                self.faults.push(Fault::Value {
                    key: *key,
                    value: raw.text.clone(),
                    allowed: "above 0, or one of the other `KEEP_…` settings is: all are 0, so that no rule \
                              would keep a snapshot"
                        .to_owned(),
                    origin: raw.origin.clone(),
                });
            }
            RetentionRules::default()
        })
    }

    /// What a server does by itself.
    fn schedule(&mut self) -> Schedule {
        let mut schedule = Schedule::default();
        for (key, job) in [
            (Key::ScheduleRefresh, ScheduledJob::Refresh),
            (Key::ScheduleSnapshot, ScheduledJob::Snapshot),
            (Key::ScheduleValidate, ScheduledJob::Validate),
            (Key::ScheduleDrill, ScheduledJob::Drill),
            (Key::SchedulePrune, ScheduledJob::Prune),
        ] {
            let expression = self.value(key, |text| {
                (text == "off" || Schedule::default().add(job, text).is_ok()).then(|| text.to_owned())
            });
            if let Some(expression) = expression.filter(|expression| expression != "off") {
                // It was tried a moment ago.
                drop(schedule.add(job, &expression));
            }
        }
        schedule
    }

    /// How often the files of projects are looked through where the system does not tell of changes; `None` to follow none.
    fn follow(&mut self) -> Option<Duration> {
        let is_on = self.is_on(Key::Follow);
        let every = Duration::from_secs(self.number(Key::FollowPollSeconds));
        is_on.then_some(every)
    }

    /// Whether a setting is `on`.
    fn is_on(&mut self, key: Key) -> bool {
        self.value(key, |text| key.setting().range.word(text)) == Some("on")
    }

    /// Who is told of what failed.
    fn webhook(&mut self) -> Option<String> {
        self.optional(Key::Webhook, |text| is_webhook(text).then(|| text.to_owned()))
    }

    /// How hits are ranked.
    fn ranking(&mut self) -> RankWeights {
        RankWeights {
            mode: self.word(Key::RetrievalMode),
            fusion: self.fusion(),
            project_match_boost: self.weight(Key::RankProjectMatchBoost),
            query_token_step: self.weight(Key::RankQueryTokenStep),
            query_token_cap: self.weight(Key::RankQueryTokenCap),
            path_high_signal_boost: self.weight(Key::RankPathHighSignalBoost),
            path_low_signal_penalty: self.weight(Key::RankPathLowSignalPenalty),
            recency_boost: self.weight(Key::RankRecencyBoost),
            recency_half_life_days: self.weight(Key::RankRecencyHalfLifeDays),
            min_fit: self.fraction(Key::RankMinFit).and_then(|fit| Fit::new(fit).ok()).unwrap_or_default(),
        }
    }

    /// How words and meaning are put together. Both numbers are checked, whichever counts.
    fn fusion(&mut self) -> Fusion {
        let fusion = self.value(Key::RankFusion, |text| Key::RankFusion.setting().range.word(text));
        let meaning_weight = self.fraction(Key::RankMeaningWeight);
        let k = self.weight(Key::RankRrfK);
        match fusion {
            Some("rrf") => Fusion::Reciprocal { k },
            _ => Fusion::Convex { meaning_weight: meaning_weight.unwrap_or_default() },
        }
    }

    fn chunks(&mut self) -> Option<ChunkLimits> {
        let max_chars = self.value(Key::ChunkMaxSize, |text| {
            usize::try_from(Key::ChunkMaxSize.setting().range.whole(text)?).ok()
        })?;
        let allowed = format!("{}, which is {max_chars}", Key::ChunkOverlap.setting().range);
        self.value_within(Key::ChunkOverlap, &allowed, |text| {
            ChunkLimits::new(max_chars, text.parse().ok()?).ok()
        })
    }
}

/// Whether something can be sent there. A name before the host would not be sent along, and nobody would notice.
fn is_webhook(text: &str) -> bool {
    let Ok(address) = text.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (address.scheme_str(), address.authority()) else { return false };
    let has_good_port = match authority.as_str().rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => port.parse::<u16>().is_ok_and(|port| port > 0),
        _ => true,
    };
    ["http", "https"].contains(&scheme)
        && !authority.host().is_empty()
        && !authority.as_str().contains('@')
        && has_good_port
}

fn host(text: &str) -> Option<String> {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || ".-_:[]%".contains(c);
    (!text.is_empty() && text.chars().all(is_usual)).then(|| text.to_owned())
}

impl LogLevel {
    fn of(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "off" => Self::Off,
            "error" => Self::Error,
            "warn" => Self::Warn,
            "info" => Self::Info,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            _ => return None,
        })
    }
}

impl LogFormat {
    fn of(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "human" => Self::Human,
            "json" => Self::Json,
            _ => return None,
        })
    }
}

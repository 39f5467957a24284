//! The table of settings: everything there is to know of each, once. The tables of `docs/configuration.md` are made from it.

use std::fmt;

use atocore_engine::{ingest::ChunkLimits, retention::KeepCounts};

use super::range::Range::{self, Positive, Share, Text, Whole, Words};

/// Where vectors can be searched, with the features of this build.
const VECTOR_STORES: &[&str] = if cfg!(feature = "chroma") { &["embedded", "chroma"] } else { &["embedded"] };

/// What is known of a setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// The heading that it stands below.
    section: &'static str,
    /// Without prefix, in capital letters.
    name: &'static str,
    /// As text; empty when there is none, or when it follows from something else.
    default: &'static str,
    /// What holds without a value, in words; empty where `default` is not.
    follows: &'static str,
    /// What it may be.
    pub(super) range: Range,
    /// What it is for.
    sentence: &'static str,
}

/// Declares the settings: name, default, range, sentence. A default in brackets is no value, but says in words what holds
/// while nothing is set.
macro_rules! settings {
    ($($section:literal { $($variant:ident = $name:literal, $default:tt, $range:expr, $sentence:literal;)* })*) => {
        /// A setting.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Key { $($(#[doc = $sentence] $variant,)*)* }

        impl Key {
            /// Every setting, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)*)*];

            /// What is known of it.
            pub(super) const fn setting(self) -> &'static Setting {
                match self {
                    $($(Self::$variant => {
                        const SETTING: Setting = Setting {
                            section: $section,
                            name: $name,
                            default: settings!(@default $default),
                            follows: settings!(@follows $default),
                            range: $range,
                            sentence: $sentence,
                        };
                        &SETTING
                    })*)*
                }
            }
        }
    };
    (@default [$words:literal]) => { "" };
    (@default $text:literal) => { $text };
    (@follows [$words:literal]) => { $words };
    (@follows $text:literal) => { "" };
}

const FOLDER: Range = Text("the path of a folder");
const NAME: Range = Text("letters, digits, `.`, `_` and `-`, with a letter or digit at both ends");
const CRON: Range = Text("a cron expression in UTC, such as `0 3 * * *` for every night at three, or `off`");
const ENDINGS: Range = Text("endings with spaces between them, each without a setting of another kind");
const KEPT: Range = Whole(0, KeepCounts::MOST as u64);

settings! {
    "Locations" {
        Home = "HOME", ["see below"], FOLDER,
            "The folder that holds everything; flag `--data-dir`.";
        DataDir = "DATA_DIR", ["`data` in the home"], FOLDER, "The store, the derived indexes, locks and caches.";
        BackupDir = "BACKUP_DIR", ["`backups` in the home"], FOLDER, "The snapshots; better on another disk.";
        ProjectRegistryPath = "PROJECT_REGISTRY_PATH", ["`config/project-registry.json` in the home"], FOLDER,
            "The registry of projects, a file that people may edit.";
        VaultDir = "VAULT_DIR", ["not set"], FOLDER, "The folder that `vault:SUB` roots lie in.";
        DriveDir = "DRIVE_DIR", ["not set"], FOLDER, "The folder that `drive:SUB` roots lie in.";
        ModelDir = "MODEL_DIR", ["the user's cache, see below"], FOLDER,
            "The folder that models are fetched into, shared by all installations of a user.";
    }
    "The server" {
        Host = "HOST", "127.0.0.1", Text("an address or the name of a host"),
            "The address that the server listens on; flag `--host` of `serve`.";
        Port = "PORT", "8100", Text("a number from 0 to 65535"),
            "The port that the server listens on, 0 lets the system choose; flag `--port` of `serve`.";
        ApiToken = "API_TOKEN", ["the content of the file `api-token` in the home"],
            Text("at least 16 characters, all ASCII and none a space"),
            "What a caller over the network must show; needed for any address that other machines can reach. `serve --make-token` makes the file.";
        Follow = "FOLLOW", "on", Words(&["on", "off"]),
            "Whether a server follows the files of all projects, so that what changes is found a moment later.";
        FollowPollSeconds = "FOLLOW_POLL_SECONDS", "60", Whole(1, 86_400),
            "How often it looks through the files of a project where the system does not tell of every change, as on network shares.";
        QueryLog = "QUERY_LOG", "off", Words(&["on", "off"]),
            "Whether a server keeps the questions that it answers, in the store and so in snapshots, to show what is not answered ([evaluation](evaluation.md)).";
    }
    "Waiting, reading, chunking" {
        DbBusyTimeoutMs = "DB_BUSY_TIMEOUT_MS", "5000", Whole(0, 3_600_000),
            "Milliseconds to wait for another owner, for exclusive ingestion, for SQLite's locks.";
        ChunkMaxSize = "CHUNK_MAX_SIZE", "800", Whole(ChunkLimits::LEAST as u64, ChunkLimits::MOST as u64),
            "The most characters in a passage.";
        ChunkOverlap = "CHUNK_OVERLAP", "100", Text("less than half of `CHUNK_MAX_SIZE`"),
            "Characters said again after a cut.";
        MaxFileBytes = "MAX_FILE_BYTES", "16777216", Whole(1, 1 << 30),
            "Larger files are left out, and listed as such.";
        TextEndings = "TEXT_ENDINGS", ["none"], ENDINGS,
            "Files with these endings are read as plain text, whatever they were before.";
        ExcludedEndings = "EXCLUDED_ENDINGS", ["none"], ENDINGS, "Files with these endings are left out.";
        Converters = "CONVERTERS", ["none"],
            Text("entries such as `djvu = /usr/bin/djvutxt -` with `;` between them: an ending, the whole path of a program, its arguments"),
            "Commands that make Markdown of files with an ending: they get the file on their standard input and write UTF-8 ([what is read](what-is-read.md)).";
        MaxRemovedPercent = "MAX_REMOVED_PERCENT", "50", Whole(0, 100),
            "When more of the documents of a root are gone at once, and more than four, the root is skipped until it is confirmed ([what is read](what-is-read.md)).";
    }
    "The model" {
        EmbeddingModel = "EMBEDDING_MODEL", "all-MiniLM-L6-v2", Text("the name of a model or the path of a folder"),
            "The model that makes the vectors; a path begins with `/` or `.`.";
        EmbeddingPrecision = "EMBEDDING_PRECISION", "f32", Words(&["f32", "int8"]),
            "How the weights of the model are kept.";
        ModelHubUrl = "MODEL_HUB_URL", ["`HF_ENDPOINT`, else `https://huggingface.co`"],
            Text("`https://`, a host, and a port and a path if need be, without `name:password@`"),
            "The model hub that `model fetch` downloads from, or a mirror of it.";
        ModelHubCaFile = "MODEL_HUB_CA_FILE", ["not set"], Text("a file with certificates in PEM"),
            "The authorities to trust there instead of those that everybody trusts.";
    }
    "The vector store" {
        VectorStore = "VECTOR_STORE", "embedded", Words(VECTOR_STORES),
            "Where passages are searched by their vectors: the embedded index, or a Chroma server, to which the rest of this table applies.";
        ChromaUrl = "CHROMA_URL", "http://127.0.0.1:8000",
            Text("`http://` or `https://`, a host and a port, without a path"),
            "Where the server answers; `https://` or this machine where `CHROMA_TOKEN` is set.";
        ChromaTenant = "CHROMA_TENANT", "default_tenant", NAME, "The tenant on the server.";
        ChromaDatabase = "CHROMA_DATABASE", "default_database", NAME, "The database of the tenant.";
        ChromaCollection = "CHROMA_COLLECTION", "atocore",
            Text("at least 3 of these: letters, digits, `.`, `_` and `-`, with a letter or digit at both ends"),
            "The collection in the database; made when it is missing, and this installation's alone.";
        ChromaToken = "CHROMA_TOKEN", ["not set"], Text("1 to 4096 characters, all ASCII and none a space"),
            "What the server or a proxy before it wants to be shown, as `Authorization: Bearer` and as `X-Chroma-Token`.";
        ChromaCaFile = "CHROMA_CA_FILE", ["not set"], Text("a file with certificates in PEM"),
            "The authorities to trust instead of those that everybody trusts.";
        ChromaTimeoutMs = "CHROMA_TIMEOUT_MS", "5000", Whole(100, 600_000),
            "Milliseconds that a question to the server may take; writing behind the answers six times as long.";
        ChromaDataDir = "CHROMA_DATA_DIR", ["`chroma` in `DATA_DIR`"],
            Text("the folder of a Chroma server: with `chroma.sqlite3` in it, empty or missing, and with nothing of AtoCore"),
            "Where a server of this machine keeps its data: for snapshots with `--include-chroma`, and replaced as a whole by a restore of one.";
        ChromaProgram = "CHROMA_PROGRAM", "chroma", Text("the name of a program, or its whole path"),
            "The program that runs a server, to prove such snapshots.";
    }
    "Ranking" {
        RetrievalMode = "RETRIEVAL_MODE", "hybrid", Words(&["hybrid", "dense", "lexical"]),
            "How passages are found when a question does not say: by words and meaning, by meaning, or by words; with `lexical` no model is needed and no vector is made.";
        RankFusion = "RANK_FUSION", "convex", Words(&["convex", "rrf"]),
            "How lexical and semantic results are fused, by their scores or by their ranks.";
        RankMeaningWeight = "RANK_MEANING_WEIGHT", "0.7", Share,
            "The weight of semantic search with `convex`; lexical search has the rest.";
        RankRrfK = "RANK_RRF_K", "60", Positive, "How slowly a rank loses weight with `rrf`.";
        RankProjectMatchBoost = "RANK_PROJECT_MATCH_BOOST", "2.0", Positive,
            "What a passage of the project asked about is multiplied by.";
        RankQueryTokenStep = "RANK_QUERY_TOKEN_STEP", "0.08", Positive,
            "What each word of the question found in path, title or heading adds to its factor.";
        RankQueryTokenCap = "RANK_QUERY_TOKEN_CAP", "1.32", Positive, "The most that factor can become.";
        RankPathHighSignalBoost = "RANK_PATH_HIGH_SIGNAL_BOOST", "1.18", Positive,
            "What a passage in a telling place is multiplied by.";
        RankPathLowSignalPenalty = "RANK_PATH_LOW_SIGNAL_PENALTY", "0.72", Positive,
            "What a passage in an archive is multiplied by.";
        RankRecencyBoost = "RANK_RECENCY_BOOST", "1", Positive,
            "What a passage dated today is multiplied by, but in mode `dense`; 1 switches it off.";
        RankRecencyHalfLifeDays = "RANK_RECENCY_HALF_LIFE_DAYS", "90", Positive,
            "After how many days half of that boost is left.";
        RankMinFit = "RANK_MIN_FIT", "0.05", Share,
            "Passages that fit a question less are left out, but in mode `dense` ([retrieval](retrieval.md)).";
    }
    "Context packs" {
        PackStateShare = "PACK_STATE_SHARE", "0.2", Share, "The part of the budget that project state may take.";
        PackMemoryShare = "PACK_MEMORY_SHARE", "0.1", Share,
            "The part that memories may take; both together are not more than 1.";
    }
    "Retention" {
        KeepLast = "KEEP_LAST", "0", KEPT, "How many of the newest snapshots are kept.";
        KeepHourly = "KEEP_HOURLY", "0", KEPT, "Of how many hours the newest snapshot is kept.";
        KeepDaily = "KEEP_DAILY", "7", KEPT, "Of how many days the newest snapshot is kept.";
        KeepWeekly = "KEEP_WEEKLY", "4", KEPT, "Of how many weeks the newest snapshot is kept.";
        KeepMonthly = "KEEP_MONTHLY", "6", KEPT, "Of how many months the newest snapshot is kept.";
        KeepYearly = "KEEP_YEARLY", "0", KEPT, "Of how many years the newest snapshot is kept.";
        ScheduleRefresh = "SCHEDULE_REFRESH", "off", CRON, "When a server refreshes every project, beside following its files.";
        ScheduleSnapshot = "SCHEDULE_SNAPSHOT", "off", CRON, "When a server takes a snapshot.";
        ScheduleValidate = "SCHEDULE_VALIDATE", "off", CRON,
            "When it validates the newest snapshot to depth `content`.";
        ScheduleDrill = "SCHEDULE_DRILL", "off", CRON,
            "When it restores the newest snapshot into scratch, to depth `answers`.";
        SchedulePrune = "SCHEDULE_PRUNE", "off", CRON, "When it removes the snapshots that no rule keeps.";
        Webhook = "WEBHOOK", ["not set"],
            Text("an address that begins with `http://` or `https://` and a host, without `name:password@`"),
            "What gets a POST with JSON (`event`, `job`, `error`, `failures`, `at`) whenever one of these fails; never shown, because it may hold a secret.";
    }
    "Logs" {
        Log = "LOG", ["`info` for `serve`, else `warn`"],
            Text("one of `off`, `error`, `warn`, `info`, `debug`, `trace`"), "How much is logged.";
        LogFormat = "LOG_FORMAT", "human", Words(&["human", "json"]), "How log events are written.";
    }
}

/// The settings as tables of a document, each below its heading.
#[must_use]
pub fn tables() -> Vec<(&'static str, String)> {
    let mut tables: Vec<(&str, String)> = Vec::new();
    for key in Key::ALL {
        let Setting { section, name, default, follows, range, sentence } = key.setting();
        if tables.last().is_none_or(|(last, _)| last != section) {
            tables.push((section, "| setting | default | allowed | |\n|---|---|---|---|\n".to_owned()));
        }
        if let Some((_, table)) = tables.last_mut() {
            let default = if default.is_empty() { (*follows).to_owned() } else { format!("`{default}`") };
            table.push_str(&format!("| `{name}` | {default} | {range} | {sentence} |\n"));
        }
    }
    tables
}

impl Key {
    /// The name without prefix, in capital letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.setting().name
    }

    /// The default as text; empty when there is none, or when it follows from another setting.
    #[must_use]
    pub const fn default_text(self) -> &'static str {
        self.setting().default
    }

    /// What every variable of the environment that sets something begins with.
    pub const PREFIX: &'static str = "ATOCORE_";

    /// The setting with that name, which is given without prefix and in capital letters.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// The name of its variable.
    #[must_use]
    pub fn variable(self) -> String {
        format!("{}{}", Self::PREFIX, self.name())
    }

    /// Its name in `atocore.toml`.
    #[must_use]
    pub fn file_name(self) -> String {
        self.name().to_ascii_lowercase()
    }

    /// Whether it decides which passages answer a question, and nothing else.
    #[must_use]
    pub fn is_of_ranking(self) -> bool {
        self == Self::RetrievalMode || self.name().starts_with("RANK_")
    }

    /// Whether its value must never be shown.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::ApiToken | Self::ChromaToken | Self::Webhook)
    }

    /// Whether it names a program, an address or a secret, or what those rest on. Such a setting comes from a flag, the
    /// environment or a home that was named: never from a file that was found by where somebody stands, because a folder
    /// that is trusted today may bring another file tomorrow.
    #[must_use]
    pub const fn needs_named_home(self) -> bool {
        self.is_secret()
            || matches!(
                self,
                Self::ChromaProgram
                    | Self::Converters
                    | Self::ChromaUrl
                    | Self::ChromaCaFile
                    | Self::ChromaDataDir
                    | Self::Host
                    | Self::ModelDir
                    | Self::ModelHubUrl
                    | Self::ModelHubCaFile
            )
    }

    /// Whether it names a file or folder.
    #[must_use]
    pub const fn is_path(self) -> bool {
        matches!(
            self,
            Self::Home
                | Self::DataDir
                | Self::BackupDir
                | Self::ProjectRegistryPath
                | Self::VaultDir
                | Self::DriveDir
                | Self::ModelDir
                | Self::ModelHubCaFile
                | Self::ChromaCaFile
                | Self::ChromaDataDir
        )
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

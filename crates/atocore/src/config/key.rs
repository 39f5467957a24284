//! The table of settings: every name that is known, once.

use std::fmt;

/// Declares the settings: name without prefix, default as text (empty when it has none or follows from another).
macro_rules! keys {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $default:literal;)*) => {
        /// A setting.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Key { $($(#[$doc])* $variant,)* }

        impl Key {
            /// Every setting, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name without prefix, in capital letters.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The default as text; empty when there is none, or when it follows from another setting.
            #[must_use]
            pub const fn default_text(self) -> &'static str {
                match self { $(Self::$variant => $default,)* }
            }
        }
    };
}

keys! {
    /// The folder that holds everything: `data/`, `config/`, `backups/`.
    Home = "HOME", "";
    /// The store, the derived indexes, locks and caches.
    DataDir = "DATA_DIR", "";
    /// The snapshots.
    BackupDir = "BACKUP_DIR", "";
    /// The registry of projects.
    ProjectRegistryPath = "PROJECT_REGISTRY_PATH", "";
    /// The folder that `vault` roots lie in.
    VaultDir = "VAULT_DIR", "";
    /// The folder that `drive` roots lie in.
    DriveDir = "DRIVE_DIR", "";
    /// The folder that models are fetched into, shared by all installations of a user.
    ModelDir = "MODEL_DIR", "";
    /// The address that the server listens on.
    Host = "HOST", "127.0.0.1";
    /// The port that the server listens on.
    Port = "PORT", "8100";
    /// What a caller over the network must show.
    ApiToken = "API_TOKEN", "";
    /// How long to wait for a lock, in milliseconds.
    DbBusyTimeoutMs = "DB_BUSY_TIMEOUT_MS", "5000";
    /// The most characters of a chunk.
    ChunkMaxSize = "CHUNK_MAX_SIZE", "800";
    /// How many characters are said again after a cut.
    ChunkOverlap = "CHUNK_OVERLAP", "100";
    /// Larger files are left out, in bytes.
    MaxFileBytes = "MAX_FILE_BYTES", "16777216";
    /// How many of a hundred documents of a root a refresh removes at most without being told that it may.
    MaxRemovedPercent = "MAX_REMOVED_PERCENT", "50";
    /// The model that makes the vectors: a name or a folder.
    EmbeddingModel = "EMBEDDING_MODEL", "all-MiniLM-L6-v2";
    /// How the weights of the model are kept.
    EmbeddingPrecision = "EMBEDDING_PRECISION", "f32";
    /// Where passages are searched by their vectors.
    VectorStore = "VECTOR_STORE", "embedded";
    /// Where the Chroma server answers.
    ChromaUrl = "CHROMA_URL", "http://127.0.0.1:8000";
    /// The tenant on it.
    ChromaTenant = "CHROMA_TENANT", "default_tenant";
    /// The database of the tenant.
    ChromaDatabase = "CHROMA_DATABASE", "default_database";
    /// The collection in the database; this installation's alone.
    ChromaCollection = "CHROMA_COLLECTION", "atocore";
    /// What it wants to be shown.
    ChromaToken = "CHROMA_TOKEN", "";
    /// Certificates of the authorities to trust, instead of those that everybody trusts.
    ChromaCaFile = "CHROMA_CA_FILE", "";
    /// How long a question to it may take, in milliseconds.
    ChromaTimeoutMs = "CHROMA_TIMEOUT_MS", "5000";
    /// Where a Chroma server of this machine keeps its data.
    ChromaDataDir = "CHROMA_DATA_DIR", "";
    /// The program that runs a Chroma server on the copy in a snapshot, to prove it.
    ChromaProgram = "CHROMA_PROGRAM", "chroma";
    /// How passages are found when a question does not say.
    RetrievalMode = "RETRIEVAL_MODE", "hybrid";
    /// How words and meaning are put together.
    RankFusion = "RANK_FUSION", "convex";
    /// What meaning counts beside words, from 0 to 1.
    RankMeaningWeight = "RANK_MEANING_WEIGHT", "0.7";
    /// How slowly a rank loses weight when ranks are added.
    RankRrfK = "RANK_RRF_K", "60";
    /// What a passage of the project asked about is multiplied by.
    RankProjectMatchBoost = "RANK_PROJECT_MATCH_BOOST", "2.0";
    /// What each word of the question found in path, title or heading adds to its factor.
    RankQueryTokenStep = "RANK_QUERY_TOKEN_STEP", "0.08";
    /// The most that factor can become.
    RankQueryTokenCap = "RANK_QUERY_TOKEN_CAP", "1.32";
    /// What a passage in a telling place is multiplied by.
    RankPathHighSignalBoost = "RANK_PATH_HIGH_SIGNAL_BOOST", "1.18";
    /// What a passage in an archive is multiplied by.
    RankPathLowSignalPenalty = "RANK_PATH_LOW_SIGNAL_PENALTY", "0.72";
    /// The part of a context pack's budget that project state may take, from 0 to 1.
    PackStateShare = "PACK_STATE_SHARE", "0.2";
    /// The part that memories may take.
    PackMemoryShare = "PACK_MEMORY_SHARE", "0.1";
    /// How many of the newest snapshots are kept.
    KeepLast = "KEEP_LAST", "0";
    /// Of how many hours the newest snapshot is kept.
    KeepHourly = "KEEP_HOURLY", "0";
    /// Of how many days the newest snapshot is kept.
    KeepDaily = "KEEP_DAILY", "7";
    /// Of how many weeks the newest snapshot is kept.
    KeepWeekly = "KEEP_WEEKLY", "4";
    /// Of how many months the newest snapshot is kept.
    KeepMonthly = "KEEP_MONTHLY", "6";
    /// Of how many years the newest snapshot is kept.
    KeepYearly = "KEEP_YEARLY", "0";
    /// When a server takes a snapshot: a cron expression in UTC, or `off`.
    ScheduleSnapshot = "SCHEDULE_SNAPSHOT", "off";
    /// When it validates the newest snapshot to depth `content`.
    ScheduleValidate = "SCHEDULE_VALIDATE", "off";
    /// When it restores the newest snapshot into scratch and lets it answer.
    ScheduleDrill = "SCHEDULE_DRILL", "off";
    /// When it removes the snapshots that no rule keeps.
    SchedulePrune = "SCHEDULE_PRUNE", "off";
    /// What is told when one of these fails.
    Webhook = "WEBHOOK", "";
    /// How much is logged.
    Log = "LOG", "";
    /// How log events are written.
    LogFormat = "LOG_FORMAT", "human";
}

impl Key {
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
                    | Self::ChromaUrl
                    | Self::ChromaCaFile
                    | Self::ChromaDataDir
                    | Self::Host
                    | Self::ModelDir
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

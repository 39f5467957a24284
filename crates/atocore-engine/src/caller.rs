//! Who asks: which door, and whether it is the owner of this machine.

/// Where a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A person at the command line, or their request handed to the running server over its local socket. May name
    /// any folder that the process can read.
    Local,
    /// A door that is reached over the network. May name only what lies in the configured folders.
    Network,
}

impl Caller {
    /// The word for the operation log.
    #[must_use]
    pub const fn door(self) -> &'static str {
        match self {
            Self::Local => "cli",
            Self::Network => "http",
        }
    }
}

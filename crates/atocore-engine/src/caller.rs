//! Who asks: which interface, and whether it is the owner of this machine.

/// Where a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A person at the command line, or their request handed to the running server over its local socket.
    Local,
    /// HTTP over the network.
    Network,
    /// A model that a client plugged in over MCP.
    Agent(Reach),
}

/// From where somebody reaches this process, which decides what they may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// As the owner of this machine. May name any folder that the process can read.
    Machine,
    /// Over the network. May name only what lies in the configured folders.
    Network,
}

impl Caller {
    /// The word for the operation log.
    #[must_use]
    pub const fn interface(self) -> &'static str {
        match self {
            Self::Local => "cli",
            Self::Network => "http",
            Self::Agent(_) => "mcp",
        }
    }

    /// From where they reach this process.
    #[must_use]
    pub const fn reach(self) -> Reach {
        match self {
            Self::Local => Reach::Machine,
            Self::Network => Reach::Network,
            Self::Agent(reach) => reach,
        }
    }
}

//! The step that finds, or fetches, what the checks need beyond cargo itself.
//!
//! A new need is one more entry in [`NEEDS`]. What stays missing fails the step: no test is ever skipped for want of
//! a program.

use crate::failure::Failure;
use crate::process::{output_of, program};
use crate::terminal;

/// Something that must be on this machine.
struct Need {
    name: &'static str,
    /// What it is needed for.
    reason: &'static str,
    /// A call that succeeds only where the need is met; it tries the real use, not only that a file exists.
    probe: &'static [&'static str],
    install: Install,
    /// What a person does where it cannot be installed from here.
    by_hand: &'static str,
}

/// How a need is met from here.
enum Install {
    /// A package of the distribution; only as root, and only where `apt-get` is.
    Apt(&'static str),
    /// A component of the Rust toolchain.
    Rustup(&'static str),
    /// Nothing: only a person can meet it.
    ByHand,
}

const NEEDS: &[Need] = &[
    Need {
        name: "disk",
        reason: "the programs of the tests and what they are built from take 8 GB, and the tests 2 GB; once they are built, 3 GB are enough",
        probe: &[
            "sh",
            "-c",
            "target=${CARGO_TARGET_DIR:-target}; needed=3; \
             [ -d \"$target/debug/deps\" ] || { needed=10; mkdir -p \"$target\"; }; \
             free=$(df -Pk \"$target\" | awk 'NR == 2 { print int($4 / 1000000) }'); \
             [ \"$free\" -ge \"$needed\" ] || { echo \"$free GB are free, $needed are needed\" >&2; exit 1; }",
        ],
        install: Install::ByHand,
        by_hand: "make room, for example with `cargo clean` in another checkout, or set CARGO_TARGET_DIR to a larger disk",
    },
    Need {
        name: "rustfmt",
        reason: "the formatting step",
        probe: &["cargo", "fmt", "--version"],
        install: Install::Rustup("rustfmt"),
        by_hand: "run `rustup component add rustfmt`, or install the rustfmt package of your distribution",
    },
    Need {
        name: "clippy",
        reason: "the clippy step",
        probe: &["cargo", "clippy", "--version"],
        install: Install::Rustup("clippy"),
        by_hand: "run `rustup component add clippy`, or install the clippy package of your distribution",
    },
    Need {
        name: "git",
        reason: "the house rules look at the files that git knows",
        probe: &["git", "--version"],
        install: Install::Apt("git"),
        by_hand: "install git",
    },
    Need {
        name: "python3",
        reason: "the tests look at snapshots with an independent checker in Python, and plug in an MCP client in it",
        probe: &[
            "python3",
            "-c",
            "import hashlib, json, sqlite3, sys; assert sys.version_info >= (3, 10), sys.version",
        ],
        install: Install::Apt("python3"),
        by_hand: "install Python 3.10 or later with its sqlite3 module",
    },
    Need {
        name: "pip",
        reason: "the model that tests search with comes from the Python package index where the model hub cannot be reached, see the \
                 step `model`",
        probe: &["python3", "-m", "pip", "--version"],
        install: Install::Apt("python3-pip"),
        by_hand: "install pip for the `python3` on your path: the package python3-pip of your distribution, or \
                  `python3 -m ensurepip`",
    },
    Need {
        name: "venv",
        reason: "the Chroma server and the MCP clients of the tests get virtual environments, see the steps `chroma` and `clients`",
        probe: &["python3", "-c", "import venv, fcntl"],
        install: Install::Apt("python3-venv"),
        by_hand: "install the module venv for the `python3` on your path: the package python3-venv of your distribution",
    },
    Need {
        name: "age",
        reason: "the tests open encrypted archives with it, and encrypt archives that are imported",
        probe: &["sh", "-c", "age --version && age-keygen"],
        install: Install::Apt("age"),
        by_hand: "install age and age-keygen: the package age of your distribution, or from https://age-encryption.org",
    },
    Need {
        name: "zstd",
        reason: "the tests unpack archives by hand as the documents say",
        probe: &["zstd", "--version"],
        install: Install::Apt("zstd"),
        by_hand: "install zstd",
    },
    Need {
        name: "sqlite3",
        reason: "the tests restore a snapshot by hand as the documents say",
        probe: &["sqlite3", ":memory:", "PRAGMA integrity_check"],
        install: Install::Apt("sqlite3"),
        by_hand: "install the command line of SQLite: the package sqlite3 of your distribution",
    },
    Need {
        name: "b3sum",
        reason: "the tests compare a snapshot with its record by hand as the documents say",
        probe: &["b3sum", "--version"],
        install: Install::Apt("b3sum"),
        by_hand: "install b3sum: the package of your distribution, or `cargo install b3sum`",
    },
    Need {
        name: "unshare",
        reason: "the tests on a full disk mount a small tmpfs in a namespace of their own",
        probe: &[
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            "mount -t tmpfs -o size=64k tmpfs /tmp && ! head -c 1000000 /dev/zero 2>/dev/null >/tmp/full",
        ],
        install: Install::Apt("util-linux"),
        by_hand: "install util-linux and mount, and allow user namespaces: as root `sysctl -w user.max_user_namespaces=10000`, \
                  on Ubuntu also `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, in a container without \
                  them a seccomp profile that permits unshare and mount",
    },
    Need {
        name: "strace",
        reason: "the tests of power cuts and failing calls record and disturb what the program asks of the system",
        probe: &[
            "strace",
            "-f",
            "--seccomp-bpf",
            "-y",
            "-xx",
            "-e",
            "trace=openat",
            "-e",
            "inject=fsync:error=EIO:when=1",
            "-o",
            "/dev/null",
            "true",
        ],
        install: Install::Apt("strace"),
        by_hand: "install strace 5.3 or later, and allow tracing of own processes: in a container the capability \
                  SYS_PTRACE or a seccomp profile that permits ptrace",
    },
    Need {
        name: "setpriv",
        reason: "run as root, the tests of damage take from the program the right to read everything",
        probe: &[
            "sh",
            "-c",
            "test \"$(id -u)\" != 0 || setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all true",
        ],
        install: Install::Apt("util-linux"),
        by_hand: "install util-linux, or run the check as another user than root",
    },
];

/// Looks for every need and installs what it can.
///
/// # Errors
/// Something stays missing; all of it is listed with its reason and its hint.
pub(super) fn run() -> Result<String, Failure> {
    meet(NEEDS, installed_from_here)
}

fn meet(needs: &[Need], install: impl Fn(&Need) -> Result<(), Failure>) -> Result<String, Failure> {
    let mut missing = Vec::new();
    for need in needs {
        let Err(first) = probe(need) else { continue };
        terminal::note(&format!("{} is missing: {}", need.name, first.message));
        if let Err(failure) = install(need).and_then(|()| probe(need)) {
            missing.push(format!(
                "`{}` ({}): {}\n    {}",
                need.name, need.reason, failure.message, need.by_hand
            ));
        }
    }
    if missing.is_empty() {
        let names: Vec<_> = needs.iter().map(|need| need.name).collect();
        return Ok(format!("{} work here", names.join(", ")));
    }
    Err(Failure::failed(format!("not everything is here:\n  {}", missing.join("\n  "))))
}

fn probe(need: &Need) -> Result<(), Failure> {
    let (name, args) = need.probe.split_first().ok_or_else(|| Failure::failed("the need has no probe"))?;
    output_of(&mut program(name, args)).map(drop)
}

fn installed_from_here(need: &Need) -> Result<(), Failure> {
    match need.install {
        Install::ByHand => Ok(()),
        Install::Rustup(component) => {
            terminal::note(&format!("$ rustup component add {component}"));
            output_of(&mut program("rustup", &["component", "add", component])).map(drop)
        }
        Install::Apt(package) => {
            if output_of(&mut program("id", &["-u"]))?.trim() != "0" {
                return Err(Failure::failed("only root can install it from here"));
            }
            terminal::note(&format!("$ apt-get install -y {package}"));
            // The list of packages is empty on a bare machine; it is fetched only when it turns out to be needed.
            apt_get(&["install", "-y", "--no-install-recommends", package]).or_else(|_| {
                apt_get(&["update"])?;
                apt_get(&["install", "-y", "--no-install-recommends", package])
            })
        }
    }
}

fn apt_get(args: &[&str]) -> Result<(), Failure> {
    output_of(program("apt-get", args).env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(probe: &'static [&'static str]) -> Need {
        Need {
            name: "sample",
            reason: "it is tested",
            probe,
            install: Install::Apt("sample"),
            by_hand: "write it yourself",
        }
    }

    #[test]
    fn what_is_there_is_not_installed() {
        let found = meet(&[need(&["true"])], |_| panic!("nothing is missing"));
        assert_eq!(found.unwrap(), "sample work here");
    }

    #[test]
    fn what_stays_missing_fails_with_name_reason_and_hint() {
        let needs = [need(&["false"]), need(&["no-such-program-here"])];
        let failure = meet(&needs, |_| Ok(())).unwrap_err();
        for words in ["`sample` (it is tested)", "write it yourself", "no-such-program-here"] {
            assert!(failure.message.contains(words), "{}", failure.message);
        }
    }

    #[test]
    fn a_failed_installation_is_reported() {
        let failure = meet(&[need(&["false"])], |_| Err(Failure::failed("no network"))).unwrap_err();
        assert!(failure.message.contains("no network"), "{}", failure.message);
    }
}

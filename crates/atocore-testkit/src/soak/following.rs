//! Changes files, folders and roots at random under a server that follows them, kills it, takes snapshots and restores
//! them meanwhile: in the end what it has stored is what a fresh installation reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use atocore_storage::{files, sqlite::Store};

use super::{
    SoakFailure, Violation, in_rounds,
    random::Random,
    subject::{Subject, store_options, words},
};
use crate::killed::{Running, Victims};

/// How many rounds, and of what.
#[derive(Debug, Clone)]
pub struct FollowOptions<'a> {
    /// The `atocore` binary.
    pub program: PathBuf,
    /// How many times something is changed and looked at.
    pub rounds: u64,
    /// How many files there are.
    pub files: usize,
    /// Determines what is changed, and when the server dies.
    pub seed: u64,
    /// Where the model lies, below its name, for vectors to be compared as well; `None` for none to be made.
    pub models: Option<&'a Path>,
    /// An empty folder for everything; left as it is for whoever wants to look.
    pub scratch: &'a Path,
}

/// What was done, and how long it took until it was followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowCounts {
    changes: BTreeMap<&'static str, u64>,
    kills: u64,
    restores: u64,
    slowest: Duration,
}

impl FollowCounts {
    /// How many times the server was killed.
    #[must_use]
    pub const fn kills(&self) -> u64 {
        self.kills
    }
}

impl fmt::Display for FollowCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes: Vec<_> = self.changes.iter().map(|(what, count)| format!("{what} {count}")).collect();
        write!(
            f,
            "{}, with {} kills and {} restores meanwhile; the slowest was followed after {:.1?}",
            changes.join(", "),
            self.kills,
            self.restores,
            self.slowest
        )
    }
}

/// So long may it take until everything is followed.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(120);

/// What is stored: of every document its path and its links, and of its passages place, text and vector.
type Stored = BTreeSet<String>;

/// Changes things `rounds` times, and compares each time.
///
/// # Errors
/// When what is followed does not become what a fresh installation reads, or something does not work any more.
pub fn run(options: &FollowOptions<'_>, report: &mut dyn FnMut(String)) -> Result<FollowCounts, SoakFailure> {
    in_rounds(options.seed, options.scratch, |at| {
        let tree = Tree { root: options.scratch.join("notes"), files: options.files };
        tree.check_out(&mut Random::new(options.seed))?;
        let mut subject = Subject::new(&options.program, options.scratch);
        subject.set(environment("on", options.models));
        subject.bound();
        let _added = subject.run(&words(&["project", "add", "notes", "--root", "notes"]))?;
        let mut random = Random::new(options.seed);
        let mut counts = FollowCounts::default();
        let mut server = subject.serve()?;
        for round in 1..=options.rounds {
            let change = *random.pick(&CHANGES).unwrap_or(&CHANGES[0]);
            *at = (round, change.0);
            if random.one_in(6) {
                let _taken = subject.run(&words(&["backup", "create"]))?;
            }
            let kills = random.one_in(4);
            if kills {
                let delay = Duration::from_millis(random.below(400) as u64);
                let mut dying = server;
                let killer = thread::spawn(move || {
                    thread::sleep(delay);
                    dying.kill(Victims::Group).map(|()| dying)
                });
                change.1(&tree, &mut random)?;
                let dead = killer.join().map_err(|_| Violation::new("the killer panicked".to_owned()))??;
                let _ended = dead.wait(FOLLOWED_WITHIN)?;
                counts.kills += 1;
                server = subject.serve()?;
            } else {
                change.1(&tree, &mut random)?;
            }
            if random.one_in(8) && subject.run(&words(&["backup", "restore", "latest", "--yes"])).is_ok() {
                counts.restores += 1;
            }
            *counts.changes.entry(change.0).or_default() += 1;
            let took = compare(&subject, &tree, options.models)?;
            counts.slowest = counts.slowest.max(took);
            let killed = if kills { ", server killed" } else { "" };
            report(format!("{round}: {}{killed}, followed after {took:.1?}", change.0));
        }
        stop(server)?;
        Ok(counts)
    })
}

fn environment(follow: &str, models: Option<&Path>) -> Vec<(&'static str, String)> {
    let mode = if models.is_some() { "hybrid" } else { "lexical" };
    let models = models.map(|models| ("ATOCORE_MODEL_DIR", models.to_string_lossy().into_owned()));
    let mut environment = vec![
        ("ATOCORE_RETRIEVAL_MODE", mode.to_owned()),
        ("ATOCORE_FOLLOW", follow.to_owned()),
        ("ATOCORE_FOLLOW_POLL_SECONDS", "1".to_owned()),
        // A checkout of another tree is not asked about.
        ("ATOCORE_MAX_REMOVED_PERCENT", "100".to_owned()),
    ];
    environment.extend(models);
    environment
}

fn stop(mut server: Running) -> Result<(), Violation> {
    server.kill(Victims::Group)?;
    let _ended = server.wait(FOLLOWED_WITHIN)?;
    Ok(())
}

/// Waits until what is followed is what a fresh installation reads, and says how long that took.
fn compare(subject: &Subject, tree: &Tree, models: Option<&Path>) -> Result<Duration, Violation> {
    let began = Instant::now();
    let fresh = tree.root.with_file_name("fresh");
    files::remove_tree(&fresh)?;
    files::create_dirs(&fresh)?;
    let mut other = subject.elsewhere(&fresh);
    other.set(environment("off", models));
    let root = tree.root.to_string_lossy().into_owned();
    let _added = other.run(&words(&["project", "add", "notes", "--root", &root]))?;
    let refresh = words(&["refresh", "notes"]);
    let _ended = Subject::wait(other.start(&refresh)?, &refresh)?;
    if models.is_some() {
        let _embedded = other.run(&words(&["embed"]))?;
    }
    let wanted = stored(&other)?;
    loop {
        let followed = stored(subject)?;
        if followed == wanted {
            return Ok(began.elapsed());
        }
        if began.elapsed() > FOLLOWED_WITHIN {
            let of =
                |one: &Stored, other: &Stored| one.difference(other).take(5).cloned().collect::<Vec<_>>();
            let status = subject.run(&words(&["status"]))?;
            return Err(Violation::new(format!(
                "too much is stored: {:?}; missing: {:?}; {}",
                of(&followed, &wanted),
                of(&wanted, &followed),
                status["projects"]
            )));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn stored(subject: &Subject) -> Result<Stored, Violation> {
    let store = Store::open_read_only(&subject.layout().database(), store_options())?;
    store.read(|read| {
        let mut stored = Stored::new();
        let space = read.serving_space()?.map(|space| space.key);
        for row in read.documents_of(&"notes".parse()?)? {
            for (number, chunk) in read.chunks_of(row.key)?.into_iter().enumerate() {
                let lines = chunk.lines;
                stored.insert(format!("{} {} {number} {lines} {:?}", row.file_path, row.digest, chunk.text));
            }
            let passages = read.chunk_keys_of(row.key)?;
            read.each_chunk_key(passages, space, |passage, vector| {
                let vector = vector.map(|vector| blake3::hash(vector.as_flattened()).to_hex());
                stored.insert(format!("{} {} {vector:?}", row.file_path, passage.index));
            })?;
            let links = read.links_of(row.key)?.into_iter();
            stored.extend(links.map(|link| format!("{} {link:?}", row.file_path)));
        }
        Ok::<_, Violation>(stored)
    })
}

/// The files that are followed.
struct Tree {
    root: PathBuf,
    files: usize,
}

type Change = fn(&Tree, &mut Random) -> Result<(), Violation>;

/// What is done to them.
const CHANGES: [(&str, Change); 9] = [
    ("checkouts", Tree::check_out),
    ("edits", Tree::edit),
    ("saves", Tree::save),
    ("renames", Tree::rename),
    ("moved folders", Tree::move_folders),
    ("removed folders", Tree::remove_folders),
    ("ignore files", Tree::ignore),
    ("closed files and folders", Tree::close),
    ("vanished roots", Tree::vanish),
];

#[expect(clippy::disallowed_methods, reason = "other programs write files as they like")]
impl Tree {
    fn file(&self, number: usize) -> PathBuf {
        self.root.join(format!("part{}/deep{}/{number}.md", number % 11, number % 3))
    }

    fn text(random: &mut Random) -> String {
        let (kind, other) = (random.below(1000), random.below(1000));
        format!("# Note {}\n\nOf the kind {kind}, as [[{other}]].\n", random.below(1000))
    }

    /// Another branch: most files are others, some are gone, some are new; folders without a file are gone.
    fn check_out(&self, random: &mut Random) -> Result<(), Violation> {
        let branch = random.below(3);
        for number in 0..self.files {
            let file = self.file(number);
            if (number + branch).is_multiple_of(4) {
                drop(std::fs::remove_file(&file));
                let above = file.ancestors().skip(1).take(2);
                above.for_each(|folder| drop(std::fs::remove_dir(folder)));
            } else {
                Self::write(&file, &format!("# Note {number}\n\nOf branch {}.\n", branch * number % 5))?;
            }
        }
        Ok(())
    }

    fn edit(&self, random: &mut Random) -> Result<(), Violation> {
        for _ in 0..self.files / 2 {
            Self::write(&self.file(random.below(self.files)), &Self::text(random))?;
        }
        Ok(())
    }

    /// The ways of editors.
    fn save(&self, random: &mut Random) -> Result<(), Violation> {
        for number in 0..60 {
            let file = self.file(random.below(self.files));
            let (text, beside) = (Self::text(random), file.with_extension("tmp"));
            Self::write(&file, "Before.\n")?;
            match number % 6 {
                0 => text
                    .split_inclusive(' ')
                    .try_fold(String::new(), |before, part| {
                        let more = before + part;
                        std::fs::write(&file, &more).map(|()| more)
                    })
                    .map(drop)?,
                1 => std::fs::write(&beside, &text).and_then(|()| std::fs::rename(&beside, &file))?,
                2 => {
                    std::fs::rename(&file, file.with_extension("md~"))?;
                    std::fs::write(&file, &text)?;
                    std::fs::remove_file(file.with_extension("md~"))?;
                }
                3 => std::fs::remove_file(&file).and_then(|()| std::fs::write(&file, &text))?,
                4 => {
                    std::fs::write(&beside, &text)?;
                    std::fs::remove_file(&file)?;
                    std::fs::hard_link(&beside, &file)?;
                    std::fs::remove_file(&beside)?;
                }
                _ => std::fs::write(&file, &text)?,
            }
        }
        Ok(())
    }

    fn rename(&self, random: &mut Random) -> Result<(), Violation> {
        for _ in 0..self.files / 4 {
            let (from, to) = (self.file(random.below(self.files)), self.file(random.below(self.files)));
            // A folder without a file is asked about when the store has documents there, after a restore for example.
            if from.exists() {
                std::fs::create_dir_all(to.parent().unwrap_or(&to))?;
                drop(std::fs::rename(from, to));
            }
        }
        Ok(())
    }

    fn move_folders(&self, random: &mut Random) -> Result<(), Violation> {
        for _ in 0..8 {
            let (from, to) = (random.below(11), random.below(11));
            let spare = self.root.join("spare");
            drop(std::fs::rename(self.root.join(format!("part{from}")), &spare));
            drop(std::fs::rename(self.root.join(format!("part{to}")), self.root.join(format!("part{from}"))));
            drop(std::fs::rename(&spare, self.root.join(format!("part{to}"))));
            Self::write(&self.root.join(format!("part{to}/deep0/moved.md")), &Self::text(random))?;
        }
        Ok(())
    }

    fn remove_folders(&self, random: &mut Random) -> Result<(), Violation> {
        for _ in 0..4 {
            let folder = self.root.join(format!("part{}", random.below(11)));
            drop(std::fs::remove_dir_all(&folder));
            if random.one_in(2) {
                Self::write(&folder.join("deep1/again.md"), &Self::text(random))?;
            }
        }
        Ok(())
    }

    fn ignore(&self, random: &mut Random) -> Result<(), Violation> {
        let file = self.root.join(".ignore");
        if random.one_in(2) {
            drop(std::fs::remove_file(file));
            return Ok(());
        }
        Self::write(&file, &format!("part{}/\n", random.below(11)))
    }

    /// Nobody may read some of them for a while, in which others are saved.
    fn close(&self, random: &mut Random) -> Result<(), Violation> {
        let mut closed = Vec::new();
        for _ in 0..6 {
            let folder = self.root.join(format!("part{}", random.below(11)));
            let file = self.file(random.below(self.files));
            for path in [file, folder].into_iter().filter(|_| random.one_in(2)) {
                if let Ok(before) = std::fs::metadata(&path) {
                    std::fs::set_permissions(&path, Permissions::from_mode(0o000))?;
                    closed.push((path, before.permissions()));
                }
            }
        }
        Self::write(&self.root.join("beside.md"), &Self::text(random))?;
        thread::sleep(Duration::from_millis(random.below(1500) as u64));
        for (path, permissions) in closed.into_iter().rev() {
            std::fs::set_permissions(path, permissions)?;
        }
        Ok(())
    }

    /// The root is away for a while, and other files are there when it comes back.
    fn vanish(&self, random: &mut Random) -> Result<(), Violation> {
        let away = self.root.with_file_name("away");
        std::fs::rename(&self.root, &away)?;
        thread::sleep(Duration::from_millis(random.below(1500) as u64));
        Self::write(&away.join("back.md"), &Self::text(random))?;
        Ok(std::fs::rename(&away, &self.root)?)
    }

    fn write(file: &Path, text: &str) -> Result<(), Violation> {
        std::fs::create_dir_all(file.parent().unwrap_or(file))?;
        Ok(std::fs::write(file, text)?)
    }
}

//! Following: from the moment in which a saved file is closed until it is found, while nothing else changes and while many
//! other files do; beside a refresh that finds nothing new. And what following costs while nothing changes.

use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use atocore_engine::Copier;
use serde_json::json;

use super::{
    Bench, cannot,
    machine::Resident,
    server::{Client, served},
    snapshot,
    table::Table,
    timing::{cpu_time, percentile, spent},
};
use crate::failure::Failure;

/// How many other files change meanwhile, again and again.
const OTHERS: usize = 2_000;

/// How long nothing changes.
const REST: Duration = Duration::from_secs(20);

/// How long a saved file is looked for.
const LOOKED_FOR: Duration = Duration::from_secs(60);

pub(super) fn run(bench: &Bench) -> Result<(), Failure> {
    let home = bench.whole()?;
    let engine = home.engine(Copier::InProcess)?;
    home.refresh_all(&engine)?;
    let refresh = spent(|| home.refresh_all(&engine))?.wall;
    drop(engine);
    let folder = home.tree().join("saved");
    let config = || Ok::<_, Failure>(home.lexical(snapshot::child()?));
    let plain = served(config()?, None, at_rest)?;
    let measured = served(config()?, Some(LOOKED_FOR), |address| {
        let alone = save_and_find(bench.scale.rounds * 5, &folder, "alone", address)?;
        let rest = at_rest(address)?;
        let amid = while_others_change(&home.tree().join("others"), || {
            save_and_find(bench.scale.rounds * 5, &folder, "amid", address)
        })?;
        Ok((alone, amid, rest))
    });
    for folder in ["saved", "others"] {
        super::remove(&home.tree().join(folder))?;
    }
    home.refresh_all(&home.engine(Copier::InProcess)?)?;
    let (alone, amid, rest) = measured?;
    let mut table = Table::new(format!("watch: {} files in one project", home.files()));
    let unchanged = "a refresh that finds nothing new";
    for (when, times, most) in [("nothing else changes", &alone, 500), ("2,000 others change", &amid, 2_000)]
    {
        for percent in [50, 99] {
            let figure = percentile(times.iter().copied(), percent);
            let what = format!("from saved to found, {when}, p{percent} of {}", times.len());
            table.limit(&what, figure, refresh, unchanged, Duration::from_millis(most));
        }
    }
    let seconds = REST.as_secs();
    table.compare(
        &format!("processor time of {seconds} s at rest"),
        rest.cpu,
        plain.cpu,
        "a server that follows nothing",
        None,
    );
    table.memory("memory at rest", rest.memory, plain.memory, "a server that follows nothing", None);
    table.print();
    Ok(())
}

/// What a server needs while nothing changes.
struct AtRest {
    cpu: Duration,
    memory: u64,
}

fn at_rest(address: SocketAddr) -> Result<AtRest, Failure> {
    let all_read = json!({ "query": "nothing", "wait_fresh": true }).to_string();
    let _answer = Client::connect(address)?.post("/query", &all_read)?;
    thread::sleep(Duration::from_secs(2));
    let before = cpu_time();
    thread::sleep(REST);
    Ok(AtRest { cpu: cpu_time().saturating_sub(before), memory: Resident::now().own })
}

/// Saves files one after the other, and how long it takes until each is found.
fn save_and_find(
    times: usize,
    folder: &Path,
    name: &str,
    address: SocketAddr,
) -> Result<Vec<Duration>, Failure> {
    let mut taken = Vec::new();
    for number in 0..times {
        let word = format!("{name}quagga{number}");
        let asked = json!({ "query": word, "top_k": 1 }).to_string();
        write(&folder.join(format!("{name}{}.md", number % 7)), &format!("# Saved\n\nThe {word}.\n"))?;
        let saved = Instant::now();
        // A connection takes so many questions and no more.
        while !Client::connect(address)?.post("/query", &asked)?.contains(&word) {
            if saved.elapsed() > LOOKED_FOR {
                return Err(Failure::failed(format!(
                    "a saved file was not found within {} s",
                    LOOKED_FOR.as_secs()
                )));
            }
            thread::sleep(Duration::from_millis(2));
        }
        taken.push(saved.elapsed());
        thread::sleep(Duration::from_millis(200));
    }
    Ok(taken)
}

/// Does something while other files are written one after the other, all of them again and again.
fn while_others_change<T>(folder: &Path, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let others = scope.spawn(|| {
            for number in 0.. {
                if done.load(Ordering::SeqCst) {
                    break;
                }
                let file = folder.join(format!("{}/{}.md", number % 20, number % OTHERS));
                write(&file, &format!("# Other {number}\n\nText {number}.\n"))?;
                thread::sleep(Duration::from_millis(2));
            }
            Ok(())
        });
        let result = work();
        done.store(true, Ordering::SeqCst);
        let written = others.join().map_err(|_| Failure::failed("writing files panicked"))?;
        written.and(result)
    })
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    #[expect(clippy::disallowed_methods, reason = "it is saved as any program does, and thrown away")]
    let write =
        || std::fs::create_dir_all(path.parent().unwrap_or(path)).and_then(|()| std::fs::write(path, text));
    write().map_err(cannot("write a file"))
}

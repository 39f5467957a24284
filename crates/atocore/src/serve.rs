//! The server: the API on an address of the network and on a local socket, from one engine that owns the store.
//!
//! Prints nothing. Starts whole or not at all, and stops without cutting anybody off who can finish in time.

mod address;
mod connections;
mod follow;
mod schedule;
mod socket;
mod webhook;

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use atocore_engine::{Access, Engine, EngineConfig, Owner, files};
use atocore_model::{error::ErrorCode, monitor::Monitor};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{
    app::App,
    config::Token,
    http::{self, Guard, Hosts},
    operations::ApiError,
    runner,
};
use connections::Routers;
use follow::FollowSettings;
pub use follow::OnRefresh;
use socket::Socket;

/// How long requests may go on after the server was told to stop.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// Where and for whom to serve.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// What others are told who want the store: `serve`.
    pub activity: &'static str,
    /// Where the network is listened to; `None` to serve this machine alone, on the local socket.
    pub network: Option<NetworkSettings>,
    /// What is told, as JSON, when something fails that is done by itself.
    pub webhook: Option<String>,
    /// How often the files of projects are looked through where the system does not tell of their changes; `None` to follow
    /// no files at all.
    pub follow: Option<Duration>,
    /// The system's folder for sockets of this user, for when the path beside the store is too long for one.
    pub runtime_dir: Option<PathBuf>,
    /// What is told of every refresh that a change of files has started.
    pub on_refresh: Option<OnRefresh>,
}

/// Where and for whom to serve over the network.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    /// The name or address to listen on.
    pub host: String,
    /// The port; 0 for any that is free.
    pub port: u16,
    /// What every request must carry; needed when the host can be reached from other machines.
    pub token: Option<Token>,
}

/// A server that takes requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Where it listens to the network; `None` when it does not.
    pub address: Option<SocketAddr>,
    /// The local socket.
    pub socket: PathBuf,
}

/// Serves until the process is told to stop by SIGINT, SIGTERM, SIGQUIT or SIGHUP; a second signal does not wait for
/// requests.
///
/// # Errors
/// `invalid_setting` when other machines could reach it and there is no token; `address_unusable` when it cannot
/// listen there; else why the store cannot be opened.
pub fn serve(
    config: EngineConfig,
    settings: &ServeSettings,
    on_ready: impl FnOnce(&Ready),
    monitor: &dyn Monitor,
) -> Result<(), ApiError> {
    serve_until(config, settings, shutdown_signal(), on_ready, monitor)
}

/// Serves until `stop` is there.
///
/// # Errors
/// As [`serve`].
pub fn serve_until(
    config: EngineConfig,
    settings: &ServeSettings,
    stop: impl Future<Output = ()>,
    on_ready: impl FnOnce(&Ready),
    monitor: &dyn Monitor,
) -> Result<(), ApiError> {
    let runtime = Runtime::new().map_err(|error| io_error("the server cannot be started", &error))?;
    let layout = config.layout.clone();
    let listener = settings.network.as_ref().map(|network| runtime.block_on(address::bind(network)));
    let listener = listener.transpose().map_err(|error| match Engine::owner(&layout) {
        Ok(Some(owner)) if error.code == ErrorCode::AddressUnusable => served_already(error, &owner),
        _ => error,
    })?;
    let path = socket::path(&layout.locks(), settings.runtime_dir.as_deref())?;
    let access = Access::Own { activity: settings.activity.to_owned(), socket: Some(path.clone()) };
    let clock = Arc::clone(&config.clock);
    let mut engine = Engine::open(config, access, monitor)?;
    let timetable = engine.timetable().clone();
    runner::log_recovery(&engine);
    log_store_problem(&engine);
    if let Err(error) = engine.projects() {
        tracing::warn!(%error, "registry_invalid");
    }
    engine.start_embedding();
    let app = App::new(engine);
    if settings.follow.is_some() {
        app.following().begin();
    }
    let looked_through = app.clone();
    drop(runtime.spawn(async move { looked_through.look_for_damage().await }));
    let result = runtime.block_on(async {
        // Inside, because a socket belongs to the runtime that it is bound in.
        let by_itself = schedule::follow(&app, timetable, &*clock, settings.webhook.clone());
        let following = follow::follow(
            &app,
            FollowSettings {
                poll_every: settings.follow,
                layout,
                clock: Arc::clone(&clock),
                on_refresh: settings.on_refresh.clone(),
            },
        );
        let served = run(&app, listener, Socket::bind(path), settings, stop, on_ready);
        tokio::select! {
            served = served => served,
            () = by_itself => Ok(()),
            () = following => Ok(()),
        }
    });
    // Work that goes on without its client ends here, before the store is given up.
    runtime.shutdown_timeout(FINISH_WITHIN);
    result
}

async fn run(
    app: &App,
    listener: Option<TcpListener>,
    socket: Result<Socket, ApiError>,
    settings: &ServeSettings,
    stop: impl Future<Output = ()>,
    on_ready: impl FnOnce(&Ready),
) -> Result<(), ApiError> {
    let socket = socket?;
    let address = listener.as_ref().map(TcpListener::local_addr).transpose();
    let address = address.map_err(|error| io_error("the server has no address", &error))?;
    let ready = Ready { address, socket: socket.path().to_owned() };
    let network = settings.network.as_ref().zip(listener).map(|(network, listener)| {
        let is_any = address.is_some_and(|address| address.ip().is_unspecified());
        let hosts = if is_any { Hosts::Any } else { Hosts::Only(network.host.as_str().into()) };
        let guard = Guard { hosts, token: network.token.clone() };
        let whole = http::network(app, guard.clone());
        (listener, Routers { whole, overloaded: http::network_overloaded(app, guard) })
    });
    let local = Routers { whole: http::local(app), overloaded: http::local_overloaded(app) };
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    // It hears signals from its first poll on; one that came after the first answer and before would kill the process.
    let stopped = poll_fn(|context| Poll::Ready(stop.as_mut().poll(context).is_ready())).await;
    let address = address.map(tracing::field::display);
    tracing::info!(address, socket = %ready.socket.display(), "server_started");
    on_ready(&ready);
    if !stopped {
        let over_network = async {
            match network {
                Some((listener, routers)) => {
                    connections::serve(listener, routers, |peer| Some(peer.ip()), &graceful).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over_network => {}
            () = connections::serve(socket, local, |_| None, &graceful) => {}
            () = stop => {}
        }
    }
    app.stop();
    let jobs = app.jobs().cancel_all();
    if jobs > 0 {
        tracing::info!(jobs, "jobs_called_off");
    }
    let ended = async {
        graceful.shutdown().await;
        app.jobs().ended().await;
    };
    let finished = tokio::time::timeout(FINISH_WITHIN, ended).await.is_ok();
    tracing::info!(finished, "server_stopped");
    Ok(())
}

/// SIGINT, SIGTERM, SIGQUIT, or SIGHUP unless that was ignored when the server was started, as under `nohup`. SIGUSR1 and
/// SIGUSR2 mean nothing and end nothing. A signal that there is no way to hear of does what the system does.
async fn shutdown_signal() {
    let _mean_nothing = [SignalKind::user_defined1(), SignalKind::user_defined2()].map(signal);
    let hangs_up = (!is_ignored(SignalKind::hangup())).then_some(SignalKind::hangup());
    let stop = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::quit()].into_iter();
    let mut stop: Vec<_> = stop.chain(hangs_up).filter_map(|kind| signal(kind).ok()).collect();
    poll_fn(|context| {
        if stop.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Whether this process ignores a signal; `false` where the system does not tell.
fn is_ignored(kind: SignalKind) -> bool {
    let told = files::read_if_present(Path::new("/proc/self/status")).ok().flatten().unwrap_or_default();
    let told = String::from_utf8_lossy(&told);
    let mask = told.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    let bit = u32::try_from(kind.as_raw_value() - 1).ok().and_then(|bit| 1_u64.checked_shl(bit));
    bit.is_some_and(|bit| mask & bit != 0)
}

/// Tells whoever watches the log what everybody is told who needs the store.
fn log_store_problem(engine: &Engine) {
    if let Some(problem) = engine.damage() {
        tracing::error!(
            code = problem.code.as_str(),
            why = problem.why,
            hint = problem.hint,
            "store_unusable"
        );
    }
}

fn served_already(error: ApiError, owner: &Owner) -> ApiError {
    let hint = format!(
        "process {} (`{}`) already works on this store; use that one, or stop it first",
        owner.pid, owner.activity
    );
    error.with_hint(hint)
}

fn io_error(what: &str, error: &std::io::Error) -> ApiError {
    ApiError::new(ErrorCode::Io, format!("{what}: {error}"))
}

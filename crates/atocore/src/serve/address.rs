//! The address that the network interface listens on. One that other machines can reach needs a token.

use std::net::SocketAddr;

use atocore_model::error::ErrorCode;
use tokio::net::{TcpListener, lookup_host};

use super::NetworkSettings;
use crate::operations::ApiError;

/// Listens on the host and port of the settings.
pub(super) async fn bind(settings: &NetworkSettings) -> Result<TcpListener, ApiError> {
    let NetworkSettings { host, port, token } = settings;
    let bare = host.trim_matches(['[', ']']);
    let addresses: Vec<SocketAddr> =
        lookup_host((bare, *port)).await.map_err(|error| unusable(settings, &error))?.collect();
    let reachable = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
    if let (Some(address), None) = (reachable, token) {
        let message = format!("other machines can reach `{}`, and there is no API token", address.ip());
        return Err(ApiError::new(ErrorCode::InvalidSetting, message)
            .with_hint("set ATOCORE_API_TOKEN, or listen on 127.0.0.1"));
    }
    TcpListener::bind(&addresses[..]).await.map_err(|error| unusable(settings, &error))
}

fn unusable(settings: &NetworkSettings, error: &std::io::Error) -> ApiError {
    let NetworkSettings { host, port, .. } = settings;
    let message = format!("cannot listen on port {port} of `{host}`: {error}");
    let hint = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("another program has port {port}: choose one with `--port`, 0 for any")
        }
        std::io::ErrorKind::PermissionDenied => "choose a port from 1024 on with `--port`".to_owned(),
        _ => "choose an address of this machine with `--host`, such as 127.0.0.1".to_owned(),
    };
    ApiError::new(ErrorCode::AddressUnusable, message).with_hint(hint)
}

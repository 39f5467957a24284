//! Who may ask over the network. A web page in a browser on this machine must not be able to, whatever name it gives
//! this server.

use std::{net::IpAddr, sync::Arc};

use super::failure::Failure;
use crate::{config::Token, operations::ApiError};
use atocore_model::error::ErrorCode;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header, uri::Authority},
    middleware::Next,
    response::Response,
};

/// What a request over the network must show.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The names under which this server may be asked.
    pub hosts: Hosts,
    /// The token that every request must carry, when there is one.
    pub token: Option<Token>,
}

/// The names under which a server may be asked, beside those of the loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// The host that it was told to listen on.
    Only(Arc<str>),
    /// It listens on every address, so that no name is known to be wrong; the token protects it.
    Any,
}

/// Lets a request through or refuses it.
pub(super) async fn check(
    State(guard): State<Guard>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    guard.check(&request).map_err(Failure)?;
    Ok(next.run(request).await)
}

impl Guard {
    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let host = self.host(request)?;
        site(request.headers())?;
        self.origin(request.headers(), &host)?;
        match &self.token {
            None => Ok(()),
            Some(token) if bearer(request.headers()).is_some_and(|given| token.is(given)) => Ok(()),
            Some(_) => Err(ApiError::new(ErrorCode::TokenRequired, "the API token is missing or wrong")
                .with_hint("send it with the header `Authorization: Bearer TOKEN`")),
        }
    }

    /// The one host that the request is for.
    fn host(&self, request: &Request) -> Result<Authority, ApiError> {
        let refused = |given: &str| {
            let given: String = given.chars().take(100).collect();
            ApiError::new(
                ErrorCode::OriginForbidden,
                format!("this server does not answer for the host `{given}`"),
            )
            .with_hint("ask it by the address it listens on, such as `127.0.0.1`")
        };
        let given = only(request.headers(), &header::HOST).unwrap_or_default();
        let host: Authority = given.parse().map_err(|_| refused(given))?;
        let asked = request.uri().authority();
        if asked.is_some_and(|asked| asked != &host) || !self.knows(&host) {
            return Err(refused(given));
        }
        Ok(host)
    }

    /// A browser says from which page a request comes: only one that this server itself has given out may ask.
    fn origin(&self, headers: &HeaderMap, host: &Authority) -> Result<(), ApiError> {
        if !headers.contains_key(header::ORIGIN) {
            return Ok(());
        }
        let given = only(headers, &header::ORIGIN).unwrap_or_default();
        let (scheme, authority) = given.split_once("://").unwrap_or_default();
        let authority = authority.parse::<Authority>().ok();
        let same = authority.is_some_and(|origin| {
            !origin.as_str().contains('@')
                && port(&origin, scheme) == port(host, scheme)
                && (origin.host().eq_ignore_ascii_case(host.host())
                    || is_this_machine(&origin) && is_this_machine(host))
        });
        if same && (scheme == "http" || scheme == "https") {
            return Ok(());
        }
        let given: String = given.chars().take(100).collect();
        Err(ApiError::new(ErrorCode::OriginForbidden, format!("pages of `{given}` may not ask this server"))
            .with_hint("ask without the header `Origin`, or from a page of this server"))
    }

    fn knows(&self, host: &Authority) -> bool {
        let has_user = host.as_str().contains('@');
        let is_named = match &self.hosts {
            Hosts::Any => true,
            Hosts::Only(name) => {
                host.host().trim_matches(['[', ']']).eq_ignore_ascii_case(name.trim_matches(['[', ']']))
            }
        };
        !has_user && (is_named || is_loopback(host))
    }
}

/// A browser says whether a page of another site makes a request, also where it sends no `Origin`: for a picture, a
/// script, a frame.
fn site(headers: &HeaderMap) -> Result<(), ApiError> {
    let foreign = |site: &HeaderValue| !matches!(site.as_bytes(), b"same-origin" | b"none");
    if !headers.get_all(FETCH_SITE).iter().any(foreign) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::OriginForbidden, "pages of other sites may not ask this server")
        .with_hint("ask from a page of this server, or with a program that is not a browser"))
}

/// Says of every answer that it is for this server's own pages alone, and no page, and not to be kept.
pub(super) async fn seal(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in SEALS {
        let _value = response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const SEALS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// The value of a header that is there exactly once and is text.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The token after `Bearer`, in any case.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = only(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim().as_bytes())
}

fn port(authority: &Authority, scheme: &str) -> u16 {
    authority.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 })
}

/// Whether it is one of the names that this machine has for itself. The other addresses of the loopback can belong to
/// other servers.
fn is_this_machine(authority: &Authority) -> bool {
    let host = authority.host().trim_matches(['[', ']']);
    ["localhost", "127.0.0.1", "::1"].iter().any(|name| host.eq_ignore_ascii_case(name))
}

/// `localhost`, or an address of the loopback.
fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(hosts: Hosts, token: Option<&str>) -> Guard {
        Guard { hosts, token: token.map(|token| Token::new(token).unwrap()) }
    }

    fn refusal(guard: &Guard, headers: &[(&str, &str)]) -> Option<ErrorCode> {
        let mut request = Request::get("/health");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        guard.check(&request).err().map(|error| error.code)
    }

    #[test]
    fn hosts_of_this_machine_are_answered_and_no_others() {
        let guard = guard(Hosts::Only(Arc::from("atocore.lan")), None);
        for good in
            ["localhost", "LOCALHOST:8100", "127.0.0.1:1", "127.8.0.1", "[::1]:8100", "atocore.lan:8100"]
        {
            assert_eq!(refusal(&guard, &[("host", good)]), None, "{good}");
        }
        for bad in
            ["evil.example", "127.0.0.1.evil.example", "localhost.", "me@localhost", "10.0.0.1", "a b", ""]
        {
            assert_eq!(refusal(&guard, &[("host", bad)]), Some(ErrorCode::OriginForbidden), "{bad}");
        }
        assert_eq!(refusal(&guard, &[]), Some(ErrorCode::OriginForbidden));
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(refusal(&guard, &twice), Some(ErrorCode::OriginForbidden));
    }

    #[test]
    fn a_server_on_every_address_has_any_name() {
        let guard = guard(Hosts::Any, None);
        assert_eq!(refusal(&guard, &[("host", "nas.lan:8100")]), None);
        let other = [("host", "nas.lan:8100"), ("origin", "http://evil.example")];
        assert_eq!(refusal(&guard, &other), Some(ErrorCode::OriginForbidden));
    }

    #[test]
    fn pages_of_other_servers_are_refused() {
        let guard = guard(Hosts::Only(Arc::from("127.0.0.1")), None);
        let with_origin = |origin| refusal(&guard, &[("host", "localhost:8100"), ("origin", origin)]);
        for good in ["http://localhost:8100", "http://127.0.0.1:8100", "http://[::1]:8100"] {
            assert_eq!(with_origin(good), None, "{good}");
        }
        for bad in [
            "http://evil.example",
            "http://localhost:3000",
            "http://localhost",
            "null",
            "",
            "file://localhost:8100",
            "http://me@localhost:8100",
            "http://me:word@127.0.0.1:8100",
            "http://127.0.0.2:8100",
            "http://[::2]:8100",
        ] {
            assert_eq!(with_origin(bad), Some(ErrorCode::OriginForbidden), "{bad}");
        }
    }

    #[test]
    fn what_a_page_of_another_site_embeds_is_refused() {
        let guard = guard(Hosts::Only(Arc::from("127.0.0.1")), None);
        let with = |site| refusal(&guard, &[("host", "localhost:8100"), ("sec-fetch-site", site)]);
        assert_eq!((with("same-origin"), with("none")), (None, None));
        for bad in ["cross-site", "same-site", "", "none, cross-site"] {
            assert_eq!(with(bad), Some(ErrorCode::OriginForbidden), "{bad}");
        }
    }

    #[test]
    fn the_token_must_be_the_whole_token() {
        let guard = guard(Hosts::Any, Some("0123456789abcdef"));
        let with = |value| refusal(&guard, &[("host", "localhost"), ("authorization", value)]);
        assert_eq!(with("Bearer 0123456789abcdef"), None);
        assert_eq!(with("bearer 0123456789abcdef"), None);
        for bad in
            ["", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Basic 0123456789abcdef"]
        {
            assert_eq!(with(bad), Some(ErrorCode::TokenRequired), "{bad}");
        }
        assert_eq!(refusal(&guard, &[("host", "localhost")]), Some(ErrorCode::TokenRequired));
    }
}

//! From a request to an operation and back, the same for every operation.

use std::{collections::VecDeque, fmt, marker::PhantomData};

use atocore_engine::{Caller, Reach};
use atocore_model::error::ErrorCode;
use axum::{
    Json,
    body::Body as HttpBody,
    extract::{FromRequestParts, Query, RawPathParams, Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use serde::{
    Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
    forward_to_deserialize_any,
};
use serde_path_to_error::Track;

use super::{
    extract::{invalid, is_blank, no_keys, read_body, refuse_list},
    failure::Failure,
};
use crate::{
    app::App,
    operations::{ApiError, Body, Method, Operation, Route, lenient, named},
    remote::{CLIENT_HEADER, JOB_HEADER},
};

/// The query parameter that starts long work without waiting for it.
pub(super) const BACKGROUND: &str = "background";

/// Who sent a request, and which id its job is to have.
pub(super) struct Client {
    pub(super) caller: Caller,
    pub(super) job: Option<String>,
}

/// Serves an operation at one of its routes.
pub(super) fn serve<O: Operation>(route: &Route) -> MethodRouter<App> {
    let route = *route;
    let method = match route.method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Delete => MethodFilter::DELETE,
    };
    on(method, move |State(app): State<App>, request: Request| async move {
        answer::<O>(app, route, request).await
    })
}

async fn answer<O: Operation>(app: App, route: Route, request: Request) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    let client = Client::of(&parts);
    let (operation, background) = read::<O>(&route, &mut parts, body).await?;
    if background {
        let job = app.start(client.caller, operation)?;
        let place = HeaderValue::from_str(&format!("/admin/jobs/{}", job.id));
        let mut response = (StatusCode::ACCEPTED, Json(job)).into_response();
        if let Ok(place) = place {
            drop(response.headers_mut().insert(header::LOCATION, place));
        }
        return Ok(response);
    }
    let reply = app.run_with(client.caller, operation, client.job, None).await?;
    let status = StatusCode::from_u16(O::status(&reply)).unwrap_or(StatusCode::OK);
    Ok((status, Json(reply)).into_response())
}

impl Client {
    pub(super) fn of(parts: &Parts) -> Self {
        // A request that nobody vouched for has the rights of the network.
        let mut caller = parts.extensions.get::<Caller>().copied().unwrap_or(Caller::Network);
        let agent = Caller::Agent(Reach::Machine);
        let named = parts.headers.get(CLIENT_HEADER);
        if caller == Caller::Local && named.is_some_and(|client| client == agent.interface()) {
            caller = agent;
        }
        let job = parts.headers.get(JOB_HEADER).and_then(|id| id.to_str().ok()).map(str::to_owned);
        Self { caller, job }
    }
}

/// The operation that a request asks for, and whether nobody waits for it.
async fn read<O: Operation>(route: &Route, parts: &mut Parts, body: HttpBody) -> Result<(O, bool), Failure> {
    let path = RawPathParams::from_request_parts(parts, &()).await;
    let path = path.map_err(|rejection| invalid("the path", &rejection))?;
    let path: Vec<_> = path.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let Query(mut query) = query.map_err(|rejection| invalid("the query string", &rejection))?;
    let mut background = false;
    if O::SPEC.has_background(route) {
        for (_, value) in query.extract_if(.., |(key, _)| key == BACKGROUND) {
            background = lenient::flag(&value).ok_or_else(|| {
                unusable("the query string", format!("`{BACKGROUND}` is {}", not_a_flag(&value)))
            })?;
        }
    }
    let known = |key: &str| O::SPEC.body == Body::None || O::SPEC.query.contains(&key);
    if let Some((key, _)) = query.iter().find(|(key, _)| !known(key)) {
        return Err(unusable("the query string", format!("unknown field `{}`", key.escape_debug())));
    }
    let mut bytes = Vec::new();
    if route.method != Method::Get {
        bytes = read_body(&parts.headers, body).await?;
    }
    match O::SPEC.body {
        Body::None => {
            no_keys(&bytes)?;
            bytes.clear();
        }
        Body::Required if bytes.is_empty() => return Err(Failure(empty_body())),
        Body::Optional if is_blank(&bytes) => bytes.clear(),
        Body::Required | Body::Optional => {}
    }
    let part = match () {
        () if !bytes.is_empty() => "the body",
        () if query.is_empty() && !path.is_empty() => "the path",
        () => "the query string",
    };
    if !bytes.is_empty() && !query.is_empty() {
        // The body goes before the query string, which must be right all the same.
        let read = without_body::<O>(path.iter().chain(&query).cloned());
        read.map_err(|why| unusable("the query string", why))?;
    }
    let operation = if bytes.is_empty() {
        without_body(path.into_iter().chain(query))
    } else {
        refuse_list(&bytes)?;
        with_body(path, query, &bytes)
    };
    Ok((operation.map_err(|why| unusable(part, why))?, background))
}

/// Reads an operation from its path and query string, or says what is wrong with them.
fn without_body<O: Operation>(given: impl Iterator<Item = (String, String)>) -> Result<O, String> {
    let mut track = Track::new();
    let fields =
        RequestFields { body: None::<NoFields>, path: Vec::new(), given: given.collect(), value: None };
    fields.operation(&mut track).map_err(|error| named(&track.path(), &error))
}

/// Reads an operation from its path, query string and body.
fn with_body<O: Operation>(
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: &[u8],
) -> Result<O, String> {
    let mut track = Track::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_map(Whole { path, query, track: &mut track, of: PhantomData });
    read.and_then(|read| json.end().map(|()| read)).map_err(|error| named(&track.path(), &error))
}

fn unusable(part: &str, why: String) -> Failure {
    invalid(part, &<de::value::Error as de::Error>::custom(why))
}

fn not_a_flag(text: &str) -> String {
    format!("`{}`, which is not `true` or `false`", text.escape_debug())
}

fn empty_body() -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, "the body is empty, a JSON object is expected")
        .with_hint("`GET /openapi.json` describes the body of every request")
}

/// Reads an operation from its body, with what the path and the query string say.
struct Whole<'a, O> {
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    track: &'a mut Track,
    of: PhantomData<O>,
}

impl<'de, O: Operation> Visitor<'de> for Whole<'_, O> {
    type Value = O;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, body: A) -> Result<O, A::Error> {
        let names = self.path.iter().map(|(name, _)| name.clone()).collect();
        let given = self.path.into_iter().chain(self.query).collect();
        RequestFields { body: Some(body), path: names, given, value: None }.operation(self.track)
    }
}

/// The parameters of a request: those of its body, and after them those of its path and query string. The body is heard
/// before the query string, and may not name what is in the path.
struct RequestFields<A> {
    body: Option<A>,
    path: Vec<String>,
    given: VecDeque<(String, String)>,
    value: Option<String>,
}

impl<'de, A: MapAccess<'de>> RequestFields<A> {
    fn operation<O: Operation>(self, track: &mut Track) -> Result<O, A::Error> {
        O::deserialize(serde_path_to_error::Deserializer::new(MapAccessDeserializer::new(self), track))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for RequestFields<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        if let Some(body) = &mut self.body {
            if let Some(key) = body.next_key::<String>()? {
                if self.path.contains(&key) {
                    return Err(de::Error::custom(format!("`{key}` is in the path already")));
                }
                self.given.retain(|(given, _)| *given != key);
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            self.body = None;
        }
        let Some((key, value)) = self.given.pop_front() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match (self.value.take(), &mut self.body) {
            (Some(value), _) => seed.deserialize(Text(value, PhantomData)),
            (None, Some(body)) => body.next_value_seed(seed),
            (None, None) => Err(de::Error::custom("a value without a key")),
        }
    }
}

/// A request without a body.
struct NoFields;

impl<'de> MapAccess<'de> for NoFields {
    type Error = de::value::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, Self::Error> {
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("a value without a key"))
    }
}

/// A parameter as text, read as what is expected of it.
struct Text<E>(String, PhantomData<E>);

impl<'de, E: de::Error> Deserializer<'de> for Text<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_string(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        let flag = lenient::flag(&self.0).ok_or_else(|| E::custom(not_a_flag(&self.0)))?;
        visitor.visit_bool(flag)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_u64(self.0.parse().map_err(E::custom)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

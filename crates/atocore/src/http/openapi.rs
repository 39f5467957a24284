//! The description of the API, made from the operations.

use std::sync::LazyLock;

use axum::{http::header, response::IntoResponse};
use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        Content, Ref, RefOr, Response,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::{
    metrics,
    schemas::{Schemas, describe},
};
use crate::operations::{self, JobReport, Operation, Problem, Visitor};

/// What does not come from the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "AtoCore",
        description = "Documents in, ranked passages out, and snapshots that can be proven. Conventions are in \
                       docs/http-api.md, error codes in docs/errors.md.",
    ),
    paths(metrics::show, show),
    components(schemas(JobReport, Problem)),
    tags(
        (name = "installation", description = "What is there, what is running, and what is wrong"),
        (name = "projects", description = "The registry, and bringing a project up to date"),
        (name = "retrieval", description = "Questions and ranked passages"),
        (name = "facts", description = "What somebody recorded: project state, memories, interactions"),
        (name = "snapshots", description = "Recovery points on disk"),
        (name = "jobs", description = "Long work, and cancelling it"),
    ),
)]
struct Base;

/// The description, to which every operation is added.
struct Described<'a>(&'a mut utoipa::openapi::OpenApi);

impl Visitor for Described<'_> {
    fn visit<O: Operation>(&mut self) {
        describe(self.0, &O::SPEC, Schemas::of::<O>());
    }
}

/// The description of the whole API as OpenAPI 3.1, pretty JSON with a line end.
#[must_use]
pub fn document() -> String {
    let mut api = Base::openapi();
    operations::visit_all(&mut Described(&mut api));
    let scheme = Http::builder().scheme(HttpAuthScheme::Bearer);
    let scheme = scheme.description(Some("Only when the server has an API token"));
    let components = api.components.get_or_insert_default();
    let scheme = RefOr::T(SecurityScheme::Http(scheme.build()));
    drop(components.security_schemes.insert("token".to_owned(), scheme));
    // An empty requirement beside the other says that it may be left out.
    api.security = Some(vec![
        SecurityRequirement::default(),
        SecurityRequirement::new::<_, [&str; 0], &str>("token", []),
    ]);
    let content = Content::new(Some(Ref::from_schema_name(Problem::name())));
    let problem =
        Response::builder().description("Why it failed").content(Problem::MEDIA_TYPE, content).build();
    for item in api.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            drop(operation.responses.responses.insert("default".to_owned(), RefOr::T(problem.clone())));
        }
    }
    let mut text = api.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The description of this API.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "installation",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object)))]
pub(super) async fn show() -> impl IntoResponse {
    static DOCUMENT: LazyLock<String> = LazyLock::new(document);
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use utoipa::openapi::Schema;

    use super::*;

    /// What each name stands for.
    #[derive(Default)]
    struct Named(BTreeMap<String, RefOr<Schema>>);

    impl Visitor for Named {
        fn visit<O: Operation>(&mut self) {
            for (name, schema) in Schemas::of::<O>().components {
                let known = self.0.entry(name.clone()).or_insert_with(|| schema.clone());
                assert!(*known == schema, "two types are called {name} in the description");
            }
        }
    }

    #[test]
    fn a_name_in_the_description_stands_for_one_type() {
        let mut named = Named::default();
        operations::visit_all(&mut named);
        assert!(named.0.len() > 50);
    }
}

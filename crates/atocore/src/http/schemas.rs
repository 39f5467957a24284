//! The OpenAPI description of an operation, made from its specification and its types.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, HttpMethod, OpenApi, PathItem, Ref, RefOr, Required, Response, Schema, Type,
        path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{Object, OneOf, SchemaType},
    },
};

use super::serve::BACKGROUND;
use crate::operations::{Body, JobReport, Method, Operation, Route, Spec};

/// The parameters and the reply of an operation.
pub(super) struct Schemas {
    name: String,
    parameters: Object,
    reply: Ref,
    pub(super) components: Vec<(String, RefOr<Schema>)>,
}

impl Schemas {
    pub(super) fn of<O: Operation>() -> Self {
        let mut components = vec![(O::Reply::name().into_owned(), O::Reply::schema())];
        O::Reply::schemas(&mut components);
        O::schemas(&mut components);
        let parameters = object(O::schema(), &components);
        let reply = Ref::from_schema_name(O::Reply::name());
        Self { name: O::name().into_owned(), parameters, reply, components }
    }
}

/// The object that a schema is, or that it stands for.
fn object(schema: RefOr<Schema>, components: &[(String, RefOr<Schema>)]) -> Object {
    match schema {
        RefOr::T(Schema::Object(object)) => object,
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            let meant = components.iter().find(|(known, _)| known == name).map(|(_, schema)| schema.clone());
            let mut meant = meant.map_or_else(Object::new, |meant| object(meant, &[]));
            meant.description = Some(reference.description);
            meant
        }
        RefOr::T(_) => Object::new(),
    }
}

/// Adds an operation with all its routes.
pub(super) fn describe(api: &mut OpenApi, spec: &Spec, schemas: Schemas) {
    for route in spec.routes() {
        let operation = operation(spec, route, &schemas);
        let method = match route.method {
            Method::Get => HttpMethod::Get,
            Method::Post => HttpMethod::Post,
            Method::Put => HttpMethod::Put,
            Method::Delete => HttpMethod::Delete,
        };
        let item = PathItem::new(method, operation);
        match api.paths.paths.get_mut(route.path) {
            Some(known) => known.merge_operations(item),
            None => drop(api.paths.paths.insert(route.path.to_owned(), item)),
        }
    }
    let components = api.components.get_or_insert_default();
    components.schemas.extend(schemas.components);
    if spec.body != Body::None {
        let body = body_of(&spec.route, &schemas.parameters);
        drop(components.schemas.insert(schemas.name, body.into()));
    }
}

fn operation(spec: &Spec, route: &Route, schemas: &Schemas) -> utoipa::openapi::path::Operation {
    let description = schemas.parameters.description.clone().unwrap_or_default();
    let (summary, rest) = description.split_once("\n\n").unwrap_or((&description, ""));
    let mut operation = OperationBuilder::new()
        .tag(spec.tag)
        .operation_id(Some(route.name))
        .summary(Some(summary))
        .description((!rest.is_empty()).then_some(rest));
    for (name, schema) in &schemas.parameters.properties {
        let place = match () {
            () if route.has(name) => ParameterIn::Path,
            () if spec.body == Body::None || spec.query.contains(&name.as_str()) => ParameterIn::Query,
            () => continue,
        };
        let is_required = schemas.parameters.required.contains(name) && spec.body == Body::None;
        operation = operation.parameter(parameter(name, place, is_required, schema.clone()));
    }
    if spec.has_background(route) {
        let flag = Object::builder()
            .schema_type(SchemaType::Type(Type::Boolean))
            .description(Some("Answers at once with a job, of which this is the result"))
            .build();
        let flag = RefOr::T(Schema::Object(flag));
        operation = operation.parameter(parameter(BACKGROUND, ParameterIn::Query, false, flag));
    }
    if spec.body != Body::None {
        let required = if spec.body == Body::Required { Required::True } else { Required::False };
        let object = Ref::from_schema_name(&schemas.name);
        let schema: RefOr<Schema> = match spec.body {
            Body::Optional => OneOf::builder().item(object).item(Object::with_type(Type::Null)).into(),
            _ => object.into(),
        };
        let body = RequestBodyBuilder::new()
            .content("application/json", Content::new(Some(schema)))
            .required(Some(required));
        operation = operation.request_body(Some(body.build()));
    }
    let json = |description: &str, schema: Ref| {
        Response::builder()
            .description(description)
            .content("application/json", Content::new(Some(schema)))
            .build()
    };
    operation = operation.response(spec.status.to_string(), json(spec.answer, schemas.reply.clone()));
    if let Some((status, when)) = spec.other {
        operation = operation.response(status.to_string(), json(when, schemas.reply.clone()));
    }
    if spec.has_background(route) {
        let job = Ref::from_schema_name(JobReport::name());
        operation = operation.response("202", json("The job, which `Location` leads to", job));
    }
    operation.build()
}

/// A parameter of the path or the query string; there a value that is left out is not written as `null`.
fn parameter(name: &str, place: ParameterIn, is_required: bool, mut schema: RefOr<Schema>) -> Parameter {
    let mut description = None;
    if let RefOr::T(Schema::OneOf(some)) = &mut schema
        && let Some(place) = some.items.iter().position(|one| matches!(one, RefOr::Ref(_)))
    {
        schema = some.items.swap_remove(place);
    }
    if let RefOr::Ref(reference) = &mut schema {
        description = Some(std::mem::take(&mut reference.description));
    }
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        description = object.description.take();
        if let SchemaType::Array(types) = &mut object.schema_type {
            types.retain(|type_| *type_ != Type::Null);
            if let [one] = types.as_slice() {
                object.schema_type = SchemaType::Type(one.clone());
            }
        }
    }
    let required = if is_required || place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(description)
        .schema(Some(schema))
        .build()
}

/// What is left of the parameters without those of the path.
fn body_of(route: &Route, parameters: &Object) -> Object {
    let mut body = parameters.clone();
    body.properties.retain(|name, _| !route.has(name));
    body.required.retain(|name| !route.has(name));
    body
}

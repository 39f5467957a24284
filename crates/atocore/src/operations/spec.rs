//! How an operation is reached, and what it needs.

/// How an operation is reached over HTTP, what it needs, and what it is called.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its route; the name of that is the name of the operation.
    pub route: Route,
    /// More routes to it, for clients that know it by another.
    pub also: &'static [Route],
    /// The group it is listed in.
    pub tag: &'static str,
    /// What its job is called; its name, unless it had another one before.
    pub job: &'static str,
    /// What it needs of the engine.
    pub access: Needs,
    /// Whether it answers from the indexes, so that a command brings them up to date first.
    pub indexed: bool,
    /// How long it may take.
    pub duration: Duration,
    /// Where the parameters are that are not in the path: in the body, or, without one, in the query string.
    pub body: Body,
    /// Parameters of the body that may be in the query string instead.
    pub query: &'static [&'static str],
    /// The status of a success.
    pub status: u16,
    /// What a success answers, in a few words.
    pub answer: &'static str,
    /// Another status that carries the reply, and when.
    pub other: Option<(u16, &'static str)>,
    /// What an agent is told of it, where it is a tool by itself.
    pub tool: Option<ToolWords>,
}

/// What an agent is told of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolWords {
    /// What it is called: `atocore_documents`.
    pub name: &'static str,
    /// The name for a person.
    pub title: &'static str,
    /// When to call it, for a model that chooses.
    pub description: &'static str,
}

/// One way to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Its `operationId`, unique in the API.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// The path; `{field}` stands for a parameter.
    pub path: &'static str,
}

/// A part of the path of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathPart<'a> {
    /// A word of the API.
    Word(&'a str),
    /// What stands for a parameter, by its name.
    Parameter(&'a str),
}

/// The methods there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of HTTP")]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// What an operation needs of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// It changes neither the store nor the registry.
    Read,
    /// It changes the store, the registry or the backup directory, and needs the engine that owns them.
    Write,
    /// It replaces the store: nothing else may be at work.
    Exclusive,
}

/// How long an operation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duration {
    /// It is answered whoever else is at work, because it only looks how the server is.
    Immediate,
    /// Moments.
    Short,
    /// Perhaps hours: it is a job, and a server runs only a few at once.
    Long,
}

/// Whether a request has a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// The parameters are in the query string.
    None,
    /// It may be left out.
    Optional,
    /// It is an object.
    Required,
}

impl Route {
    /// A route called `name`.
    #[must_use]
    pub const fn new(name: &'static str, method: Method, path: &'static str) -> Self {
        Self { name, method, path }
    }

    /// The parts of the path.
    pub fn parts(&self) -> impl Iterator<Item = PathPart<'static>> {
        self.path.split('/').map(|part| {
            let parameter = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            parameter.map_or(PathPart::Word(part), PathPart::Parameter)
        })
    }

    /// Whether the parameter is a part of the path.
    #[must_use]
    pub fn has(&self, parameter: &str) -> bool {
        self.parts().any(|part| part == PathPart::Parameter(parameter))
    }
}

impl Spec {
    /// Reads something.
    #[must_use]
    pub const fn get(tag: &'static str, name: &'static str, path: &'static str) -> Self {
        Self::new(tag, Route::new(name, Method::Get, path), Needs::Read, Body::None)
    }

    /// Does something, with parameters in a body.
    #[must_use]
    pub const fn post(tag: &'static str, name: &'static str, path: &'static str) -> Self {
        Self::new(tag, Route::new(name, Method::Post, path), Needs::Write, Body::Required)
    }

    /// Changes something, with parameters in a body.
    #[must_use]
    pub const fn put(tag: &'static str, name: &'static str, path: &'static str) -> Self {
        Self::new(tag, Route::new(name, Method::Put, path), Needs::Write, Body::Required)
    }

    /// Removes something.
    #[must_use]
    pub const fn delete(tag: &'static str, name: &'static str, path: &'static str) -> Self {
        Self::new(tag, Route::new(name, Method::Delete, path), Needs::Write, Body::None)
    }

    const fn new(tag: &'static str, route: Route, access: Needs, body: Body) -> Self {
        Self {
            route,
            also: &[],
            tag,
            job: route.name,
            access,
            indexed: false,
            duration: Duration::Short,
            body,
            query: &[],
            status: 200,
            answer: "",
            other: None,
            tool: None,
        }
    }

    /// What a success answers, in a few words.
    #[must_use]
    pub const fn answers(mut self, answer: &'static str) -> Self {
        self.answer = answer;
        self
    }

    /// The status of a success, when it is not 200.
    #[must_use]
    pub const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Another status that carries the reply, and when.
    #[must_use]
    pub const fn or(mut self, status: u16, when: &'static str) -> Self {
        self.other = Some((status, when));
        self
    }

    /// More routes to it.
    #[must_use]
    pub const fn also(mut self, routes: &'static [Route]) -> Self {
        self.also = routes;
        self
    }

    /// What it needs of the engine, when its method does not say it.
    #[must_use]
    pub const fn access(mut self, access: Needs) -> Self {
        self.access = access;
        self
    }

    /// It answers from the indexes, and changes nothing.
    #[must_use]
    pub const fn indexed(mut self) -> Self {
        self.access = Needs::Read;
        self.indexed = true;
        self
    }

    /// It may take long; its job is called `job`.
    #[must_use]
    pub const fn long(mut self, job: &'static str) -> Self {
        self.duration = Duration::Long;
        self.job = job;
        self
    }

    /// It is answered whoever else is at work.
    #[must_use]
    pub const fn immediate(mut self) -> Self {
        self.duration = Duration::Immediate;
        self
    }

    /// Whether there is a body, when its method does not say it.
    #[must_use]
    pub const fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Parameters of the body that may be in the query string instead.
    #[must_use]
    pub const fn query(mut self, parameters: &'static [&'static str]) -> Self {
        self.query = parameters;
        self
    }

    /// It is a tool by itself; it changes nothing.
    #[must_use]
    pub const fn tool(mut self, tool: ToolWords) -> Self {
        self.tool = Some(tool);
        self
    }

    /// Every route to it.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        std::iter::once(&self.route).chain(self.also)
    }

    /// Whether it can be started without waiting for it: long work that is no question.
    #[must_use]
    pub fn has_background(&self, route: &Route) -> bool {
        self.duration == Duration::Long && route.method == Method::Post
    }
}

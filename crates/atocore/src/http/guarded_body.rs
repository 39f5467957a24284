//! An answer that something is kept for until its last piece is on its way.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use axum::http::Response;
use hyper::body::{Bytes, Frame, SizeHint};

/// A body with what is dropped when it has been sent, or nobody wants it any more.
struct GuardedBody<T> {
    body: Body,
    _guard: T,
}

impl<T: Unpin> HttpBody for GuardedBody<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The response, which keeps `guard` until it has been sent.
pub(crate) fn holding<T: Send + Unpin + 'static>(response: Response<Body>, guard: T) -> Response<Body> {
    response.map(|body| Body::new(GuardedBody { body, _guard: guard }))
}

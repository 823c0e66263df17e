use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body_util::{BodyExt, Limited, combinators::BoxBody};
use hyper::body::{Body as _, Bytes, Frame, SizeHint};
use poem::{
    Body, Endpoint, IntoResponse, Middleware, Request, Response, Result,
    http::{HeaderValue, header},
};
use tokio::{sync::oneshot, time::timeout};

/// So much of a body that nobody wanted is read all the same.
const MOST: usize = 64 * 1024;
/// If it comes within this.
const WITHIN: Duration = Duration::from_secs(1);

/// Reads what an answer left of the request, where it is little, so that the connection is good for the next one; where
/// it is much, the answer says that the connection ends with it (RFC 9112, section 9.6), and a client opens another.
#[derive(Clone, Copy, Debug)]
pub struct Unread;

impl<E: Endpoint> Middleware<E> for Unread {
    type Output = Finishing<E>;

    fn transform(&self, inner: E) -> Finishing<E> {
        Finishing(inner)
    }
}

/// An endpoint with [`Unread`].
pub struct Finishing<E>(E);

impl<E: Endpoint> Endpoint for Finishing<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let body = request.take_body();
        if body.is_empty() {
            return self.0.call(request).await.map(IntoResponse::into_response);
        }
        // Asking for the body would make the client send it.
        let waits = request.headers().contains_key(header::EXPECT);
        let (back, returned) = oneshot::channel();
        request.set_body(Body::from(Lent { body: Some(body.into()), asked: false, back: Some(back) }.boxed()));
        let mut response = self.0.call(request).await.map(IntoResponse::into_response)?;
        if let Ok((left, asked)) = returned.await
            && ((waits && !asked) || !is_read(left).await)
        {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

/// Reads a body to its end, if that is near.
async fn is_read(body: BoxBody<Bytes, io::Error>) -> bool {
    if body.size_hint().lower() > MOST as u64 {
        return false;
    }
    let mut body = Limited::new(body, MOST);
    let end = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    timeout(WITHIN, end).await.unwrap_or(false)
}

/// A body that comes back from wherever it was, if something of it is left, and says whether anyone asked for it.
struct Lent {
    body: Option<BoxBody<Bytes, io::Error>>,
    asked: bool,
    back: Option<oneshot::Sender<(BoxBody<Bytes, io::Error>, bool)>>,
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.asked = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if frame.is_none() {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(hyper::body::Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(body), Some(back)) = (left, self.back.take()) {
            // Nobody may be waiting any more.
            let _ = back.send((body, self.asked));
        }
    }
}

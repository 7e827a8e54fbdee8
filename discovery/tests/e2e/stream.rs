//! Watches: streams of JSON, one line for each change.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::json;

use crate::api::{Body, Shared, lock};
use crate::store::{Filter, line};

/// A stream of lines, one for each change of what is asked for.
pub(crate) fn watch(filter: Filter, from: u64, shared: Arc<Shared>) -> Response<Body> {
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(8);
    tokio::spawn(async move {
        let mut changed = shared.changed.subscribe();
        let (mut seen, mut bookmarks, cuts) = {
            let state = lock(&shared);
            (from, state.bookmarks, state.cuts)
        };
        loop {
            let (mut lines, mut over) = (Vec::new(), false);
            {
                let state = lock(&shared);
                over |= state.cuts != cuts;
                if seen < state.oldest {
                    let gone = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
                        "status": "Failure", "message": "too old resource version",
                        "reason": "Expired", "code": 410});
                    lines.push(json!({"type": "ERROR", "object": gone}));
                    over = true;
                } else {
                    // What came before a cut is sent before it.
                    let new = state.changes.iter().filter(|change| change.version > seen);
                    lines.extend(new.filter_map(|change| line(change, &filter)));
                    seen = state.version;
                    if bookmarks != state.bookmarks {
                        bookmarks = state.bookmarks;
                        let version = json!({"resourceVersion": seen.to_string()});
                        let object =
                            json!({"kind": filter.kind, "apiVersion": "v1", "metadata": version});
                        lines.push(json!({"type": "BOOKMARK", "object": object}));
                    }
                }
            }
            for line in lines {
                if sender.send_data(Bytes::from(format!("{line}\n"))).await.is_err() {
                    return;
                }
            }
            if over || changed.changed().await.is_err() {
                return;
            }
        }
    });
    Response::builder()
        .header("content-type", "application/json")
        .body(body.boxed())
        .expect("a response")
}

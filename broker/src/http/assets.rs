//! Files that are part of the program: the page, and the documents of the protocol.

use super::reply::{Failure, Reply, json, set, with_type};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS};
use hyper::http::request::Parts;
use rust_embed::{Embed, EmbeddedFile};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write;

#[derive(Embed)]
#[folder = "dashboard"]
struct Page;

#[derive(Embed)]
#[folder = "../schemas/documents"]
struct Documents;

/// What the page's own policy cannot say: nobody shows it in a frame of theirs.
const PAGE_POLICY: &str = "frame-ancestors 'none'";

/// A file of the page.
///
/// # Errors
/// 404.
pub(super) fn page(name: &str, head: &Parts) -> Result<Reply, Failure> {
    let file = Page::get(name).ok_or_else(|| not_found(head))?;
    let mut reply = reply(name, file, head);
    set(&mut reply, CONTENT_SECURITY_POLICY, PAGE_POLICY);
    Ok(reply)
}

/// A document of the protocol, or the list of them.
///
/// # Errors
/// 404.
pub(super) fn schema(name: &str, head: &Parts) -> Result<Reply, Failure> {
    #[derive(Serialize)]
    struct List {
        documents: Vec<Cow<'static, str>>,
    }
    if name.is_empty() {
        return Ok(json(StatusCode::OK, &List { documents: Documents::iter().collect() }));
    }
    let file = Documents::get(name).ok_or_else(|| not_found(head))?;
    Ok(reply(name, file, head))
}

fn reply(name: &str, file: EmbeddedFile, head: &Parts) -> Reply {
    let tag = tag(&file);
    let is_known = head.headers.get(IF_NONE_MATCH).is_some_and(|known| {
        known.as_bytes() == b"*" || known.to_str().is_ok_and(|known| known.contains(tag.as_str()))
    });
    let mut reply = if is_known {
        with_type(StatusCode::NOT_MODIFIED, content_type(name), Bytes::new())
    } else {
        with_type(StatusCode::OK, content_type(name), body(file))
    };
    set(&mut reply, ETAG, &tag);
    set(&mut reply, X_CONTENT_TYPE_OPTIONS, "nosniff");
    reply
}

fn body(file: EmbeddedFile) -> Bytes {
    match file.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

/// The first half of the content's SHA-256 is plenty.
fn tag(file: &EmbeddedFile) -> String {
    let digits = file.metadata.sha256_hash().into_iter().take(16);
    let mut tag = digits.fold(String::from('"'), |mut tag, byte| {
        // Writing into a string does not fail.
        let _ = write!(tag, "{byte:02x}");
        tag
    });
    tag.push('"');
    tag
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "yaml" => "application/yaml",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn not_found(head: &Parts) -> Failure {
    let path: String = head.uri.path().chars().take(128).collect();
    Failure::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {path}"))
}

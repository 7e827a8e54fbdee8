//! Changes messages of the client for the upstream that owns what they name.

use crate::gateway::{Gateway, UpstreamId};
use crate::json::{Edits, Members, Raw, Scan, decode, encode};
use crate::mcp::fields::RELATED_TASK;
use crate::mcp::jsonrpc::{Message, ResultOrError};
use crate::mcp::owner_tag::{self, OwnerTags};
use crate::mcp::uri;
use crate::seal::ScopeTag;

/// A response to an upstream's own request: that upstream, and the response with the original id. `None`
/// if no upstream of this gateway has sent the id.
#[must_use]
pub fn response(gateway: &Gateway, scope: ScopeTag, body: &[u8]) -> Option<(UpstreamId, Vec<u8>)> {
    let message = Message::read(body).ok()?;
    let Message::Response { id: Some(id), outcome } = &message else { return None };
    let tags = OwnerTags { keys: &gateway.keys, scope };
    let (owner, original) = tags.scalar_owner(gateway, id.as_raw())?;
    let mut edits = Edits::of(body);
    edits.replace(id.as_raw(), original);
    if let ResultOrError::Result(result) = outcome {
        related_task(gateway, owner, Members::read(*result).as_ref(), &mut edits);
    }
    Some((owner, edits.finish()?))
}

/// The same for `notifications/progress` about an upstream's own request.
#[must_use]
pub fn progress(
    gateway: &Gateway,
    scope: ScopeTag,
    body: &[u8],
    params: Option<Raw<'_>>,
) -> Option<(UpstreamId, Vec<u8>)> {
    let params = Members::read(params?)?;
    let token = params.find("progressToken")?;
    let tags = OwnerTags { keys: &gateway.keys, scope };
    let (owner, original) = tags.scalar_owner(gateway, token.get())?;
    let mut edits = Edits::of(body);
    edits.replace(token.get(), original);
    related_task(gateway, owner, Some(&params), &mut edits);
    Some((owner, edits.finish()?))
}

/// A `subscriptions/listen` for this upstream, which calls resources by its own URIs (2026-07-28, Subscriptions).
/// Those of others are left out, as its acknowledgement will show. `None` where nothing changes.
pub(crate) fn subscriptions(
    gateway: &Gateway,
    upstream: UpstreamId,
    body: &[u8],
) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let [params] = Scan::whole(text, |scan| scan.pick(["params"])).ok()??;
    let [wanted] = params?.scan().pick(["notifications"]).ok()??;
    let [uris] = wanted?.scan().pick(["resourceSubscriptions"]).ok()??;
    let mut own = Vec::new();
    let is_list = uris?.scan().elements(|scan| {
        let raw = scan.value()?.get();
        match decode(raw) {
            Some(shown) => {
                let owner = uri::owner(gateway, &shown).filter(|(owner, _)| *owner == upstream);
                own.extend(owner.map(|(_, uri)| encode(&uri)));
            }
            // None of a resource: for the upstream to refuse.
            None => own.push(raw.to_owned()),
        }
        Ok(())
    });
    if is_list != Ok(true) {
        return None;
    }
    let mut edits = Edits::of(body);
    edits.replace(uris?.get(), format!("[{}]", own.join(",")));
    edits.finish()
}

/// Removes the tag from the task that `_meta` names, if `owner` has that task.
fn related_task(
    gateway: &Gateway,
    owner: UpstreamId,
    members: Option<&Members<'_>>,
    edits: &mut Edits<'_>,
) {
    let meta = members.and_then(|members| members.find("_meta")).and_then(Members::read);
    let related = meta.and_then(|meta| meta.find(RELATED_TASK)).and_then(Members::read);
    if let Some(id) = related.and_then(|related| related.find("taskId")) {
        task(gateway, owner, id.get(), edits);
    }
}

/// Removes the tag from the id of a task, a slice of the document, if `owner` has that task.
pub(crate) fn task(gateway: &Gateway, owner: UpstreamId, raw: &str, edits: &mut Edits<'_>) {
    let text = decode(raw);
    let found = text.as_deref().and_then(|text| owner_tag::text_owner(gateway, text));
    if let Some((_, original)) = found.filter(|(index, _)| *index == owner) {
        edits.replace(raw, encode(original));
    }
}

#[cfg(test)]
mod tests;

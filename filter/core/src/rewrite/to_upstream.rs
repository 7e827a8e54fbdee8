//! Changes messages of the client for the upstream that owns what they name.

use crate::gateway::rules::Rights;
use crate::gateway::{Gateway, UpstreamId};
use crate::json::{Edits, Members, Raw, Scan, decode, encode};
use crate::mcp::fields::RELATED_TASK;
use crate::mcp::jsonrpc::{Message, ResultOrError};
use crate::mcp::method::Kind;
use crate::mcp::owner_tag::{OwnerTags, TaskTags};
use crate::mcp::uri;
use crate::seal::ScopeTag;

/// A response to an upstream's own request: that upstream, and the response with the original id. `None`
/// if no upstream of this gateway has sent the id.
#[must_use]
pub(crate) fn response(
    gateway: &Gateway,
    scope: ScopeTag,
    body: &[u8],
) -> Option<(UpstreamId, Vec<u8>)> {
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
pub(crate) fn progress(
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

/// A `subscriptions/listen` for this upstream, which calls resources and tasks by its own names (2026-07-28,
/// Subscriptions; Tasks extension, "Task Status Notifications"). Those of others, and what does not
/// exist for this caller, are left out, as its acknowledgement will show. `None` where nothing changes, or where it does
/// not say clearly what it asks for.
pub(crate) fn subscriptions(
    gateway: &Gateway,
    (tags, rights): (TaskTags<'_>, Rights),
    upstream: UpstreamId,
    body: &[u8],
) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let [params] = Scan::whole(text, |scan| scan.pick(["params"])).ok()??;
    let [wanted] = params?.scan().pick(["notifications"]).ok()??;
    let keys = ["resourceSubscriptions", "taskIds"];
    let [uris, tasks] = wanted?.scan().pick(keys).ok()??;
    let mut edits = Edits::of(body);
    let mut reduce = |list: Option<Raw<'_>>, own: &dyn Fn(&str) -> Option<(UpstreamId, String)>| {
        let of_upstream = |shown: &str| own(shown).filter(|(owner, _)| *owner == upstream);
        if let Some((list, left)) = list.and_then(|list| Some((list, only_own(list, of_upstream)?)))
        {
            edits.replace(list.get(), left);
        }
    };
    let exists =
        |(at, own): &(UpstreamId, String)| gateway.admits(rights, *at, Kind::Resource, own);
    let place =
        |uri: &str| uri::owner(gateway, uri).map(|(at, own)| (at, own.into_owned())).filter(exists);
    reduce(uris, &place);
    reduce(tasks, &|id| tags.owner(gateway, id).map(|(at, own)| (at, own.to_owned())));
    edits.finish()
}

/// A list of texts, each of them as `own` says; without those of which it says nothing. `None` if it is none.
fn only_own(list: Raw<'_>, own: impl Fn(&str) -> Option<(UpstreamId, String)>) -> Option<String> {
    let mut left = Vec::new();
    let is_list = list.scan().elements(|scan| {
        let raw = scan.value()?.get();
        match decode(raw) {
            Some(shown) => left.extend(own(&shown).map(|(_, own)| encode(&own))),
            // No text: for the upstream to refuse.
            None => left.push(raw.to_owned()),
        }
        Ok(())
    });
    (is_list == Ok(true)).then(|| format!("[{}]", left.join(",")))
}

/// Removes the tag from the task that `_meta` of a session's message names, if `owner` has that task.
fn related_task(
    gateway: &Gateway,
    owner: UpstreamId,
    members: Option<&Members<'_>>,
    edits: &mut Edits<'_>,
) {
    let meta = members.and_then(|members| members.find("_meta")).and_then(Members::read);
    let related = meta.and_then(|meta| meta.find(RELATED_TASK)).and_then(Members::read);
    if let Some(id) = related.and_then(|related| related.find("taskId"))
        && let Some(own) = task(gateway, TaskTags::Plain, owner, id.get())
    {
        edits.replace(id.get(), own);
    }
}

/// The id of a task, as JSON, without its tag, if `owner` has that task.
pub(crate) fn task(
    gateway: &Gateway,
    tags: TaskTags<'_>,
    owner: UpstreamId,
    raw: &str,
) -> Option<String> {
    let text = decode(raw)?;
    let (_, original) = tags.owner(gateway, &text).filter(|(index, _)| *index == owner)?;
    Some(encode(original))
}

#[cfg(test)]
mod tests;

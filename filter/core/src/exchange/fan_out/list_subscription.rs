//! A list that may be kept (`catalog`): served again if it is there, and asked for only once if
//! several want it at the same time.
//!
//! The first who misses it asks the upstreams; the others wait, and get the same answer. If the
//! first one's client goes away, one of those who wait asks in its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::caller::Caller;
use crate::catalog::cache::{
    Answer, Failure, Flight, Found, Keys, ListCache, ListChanged, ListKey, Looked, Merged, Moment,
};
use crate::effect::{Counter, Effect, Served, Step};
use crate::era::Era;
use crate::error::Error;
use crate::exchange::fan_out::FanOut;
use crate::exchange::fan_out::list::List;
use crate::exchange::fan_out::list_key::Asking;
use crate::exchange::fan_out::list_reply::ListReply;
use crate::exchange::fan_out::question::Question as _;
use crate::exchange::state::Next;
use crate::exchange::{Context, Turn, reply};
use crate::gateway::{Gateway, PerUpstream, UpstreamId};
use crate::mcp::method::Kind;
use crate::session::InitFingerprint;

/// A list, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) list: List,
    pub(crate) reply: ListReply,
    /// The upstreams to ask.
    pub(crate) asked: Vec<UpstreamId>,
}

/// A request for a list that may be kept.
#[derive(Debug)]
pub(crate) struct AwaitList {
    wanted: Wanted,
    caller: Caller,
    /// Whether it turned out that what another session asks for is not for this one.
    alone: bool,
}

/// A list that others may wait for.
#[derive(Debug)]
pub(crate) struct Leading {
    flight: Flight,
    key: ListKey,
    asked: Moment,
    /// What each upstream had been shown by then.
    openers: PerUpstream<Option<InitFingerprint>>,
}

/// Serves a list again, waits for it, or asks for it.
pub(crate) fn start(cx: &mut Context<'_>, wanted: Wanted, caller: Caller) -> Turn {
    AwaitList { wanted, caller, alone: false }.look(cx)
}

/// Lets all workers know of which kinds an upstream of this era has changed its lists, if these may be
/// kept at all.
pub(crate) fn changed(gateway: &Gateway, from: Era, kinds: BTreeSet<Kind>) -> Vec<Effect> {
    let kept = gateway.catalog.is_some() || from == Era::Stateless;
    let kinds = if kept { kinds } else { BTreeSet::new() };
    kinds.into_iter().filter_map(ListChanged::of).map(Effect::ListChanged).collect()
}

/// Now, as far as lists of a kind go; `None` if these are never kept.
fn moment(cx: &Context<'_>, kind: Kind) -> Option<Moment> {
    let changes = cx.host.list_changes(ListChanged::of(kind)?);
    Some(Moment { changes, second: cx.host.now() })
}

impl AwaitList {
    fn look(self, cx: &mut Context<'_>) -> Turn {
        let Self { wanted: Wanted { list, .. }, caller, alone } = &self;
        let kind = list.listing.kind;
        let catalog = cx.gateway.catalog;
        let Some((catalog, now)) = catalog.and_then(|it| Some((it, moment(cx, kind)?))) else {
            return self.look_by_hints(cx);
        };
        let (gateway, ttl) = (cx.gateway, catalog.ttl.as_secs());
        let asking = Asking { gateway, list, caller };
        let keys = Keys { public: asking.public(), own: asking.own(), alone: *alone };
        let flight = match cx.memory.lists.with(|lists| lists.find_or_begin(keys, now, ttl)) {
            Looked::Kept(merged, age) => return self.serve(cx, &merged, age, Served::Hit),
            Looked::UnderWay(flight) => {
                let wait = Step::hold_with(vec![Effect::Subscribe(flight)]);
                return (Next::AwaitList(Box::new(self)), wait);
            }
            Looked::Begun(flight) => flight,
        };
        let key = keys.begun();
        let leading = Leading { flight, key, asked: now, openers: asking.openers() };
        let Self { mut wanted, caller, .. } = self;
        wanted.reply.leading = Some(leading);
        let (state, mut step) = wanted.ask(cx, caller);
        step.effects.insert(0, count(Served::Miss));
        (state, step)
    }

    /// Serves a list again for as long as its upstreams say, where the configuration says nothing.
    fn look_by_hints(mut self, cx: &mut Context<'_>) -> Turn {
        let Self { wanted: Wanted { list, asked, .. }, caller, .. } = &self;
        let says = |upstream: &UpstreamId| {
            caller.peer(*upstream).is_some_and(|peer| peer.era() == Era::Stateless)
        };
        let can_say = !list.goes_on() && !asked.is_empty() && asked.iter().all(says);
        let Some(now) = can_say.then(|| moment(cx, list.listing.kind)).flatten() else {
            return self.wanted.ask(cx, self.caller);
        };
        if cx.memory.lists_kept() > 0 {
            let asking = Asking { gateway: cx.gateway, list, caller };
            let keys = [asking.hinted(), asking.own()];
            let find = |lists: &mut ListCache| keys.map(|key| lists.find(key, now, None));
            for found in cx.memory.lists.with(find) {
                if let Found::List(merged, age) = found {
                    return self.serve(cx, &merged, age, Served::Hit);
                }
            }
        }
        self.wanted.reply.asked = Some(now);
        self.wanted.ask(cx, self.caller)
    }

    /// Takes the answer that another request got.
    pub(crate) fn settled(
        mut self: Box<Self>,
        cx: &mut Context<'_>,
        answer: Option<&Answer>,
    ) -> Turn {
        match answer {
            Some(Ok(merged)) if merged.is_for(self.caller.scope()) => {
                self.serve(cx, merged, 0, Served::Shared)
            }
            Some(Err(failure)) if failure.only == self.caller.scope() => {
                let mut effects = vec![count(Served::Shared)];
                effects.extend(reply::error(
                    self.wanted.reply.label,
                    Some(&self.wanted.reply.id),
                    &failure.error,
                ));
                reply::now(effects)
            }
            other => {
                self.alone |= other.is_some();
                (Next::AwaitList(self), Step::hold_with(vec![Effect::Wake]))
            }
        }
    }

    /// Looks once more.
    pub(crate) fn again(self: Box<Self>, cx: &mut Context<'_>) -> Turn {
        self.look(cx)
    }

    /// Answers as a list that was just made does, and leaves the session knowing the names likewise.
    fn serve(&self, cx: &mut Context<'_>, merged: &Merged, age: u64, source: Served) -> Turn {
        let Self { wanted: Wanted { list, reply, .. }, caller, .. } = self;
        let mut effects = vec![count(source)];
        if let Some(told) = &merged.told {
            let kind = list.listing.kind;
            let names = cx.memory.learn(caller.scope(), kind, told.clone());
            effects.extend(caller.tell(cx, kind, names));
        }
        let said = (caller.era() == Era::Stateless).then(|| merged.hints.aged(age));
        effects.extend(reply::list(reply.label, &reply.id, &merged.result, said));
        reply::now(effects)
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        self.wanted.list.held()
    }
}

impl Wanted {
    fn ask(self, cx: &mut Context<'_>, caller: Caller) -> Turn {
        let Self { list, reply, asked } = self;
        FanOut::new(list, reply, caller).start(cx, asked)
    }
}

/// Keeps a list for as long as its upstreams say, if nothing has changed since it was asked for.
pub(crate) fn keep_by_hints(
    cx: &mut Context<'_>,
    asking: Asking<'_>,
    asked: Moment,
    merged: Merged,
) {
    if moment(cx, asking.list.listing.kind).map(|now| now.changes) != Some(asked.changes) {
        return;
    }
    let (key, owner) = if merged.hints.is_public {
        (asking.hinted(), None)
    } else {
        (asking.own(), Some(asking.caller.scope()))
    };
    let merged = Arc::new(merged);
    cx.memory.lists.with(|lists| lists.keep(key, owner, asked, merged));
}

impl Leading {
    /// Lets those who wait for it know that nobody asks any more.
    pub(crate) fn abandon(&self, cx: &mut Context<'_>) -> Effect {
        cx.memory.lists.with(|lists| lists.end(self.key, self.asked));
        Effect::Publish(self.flight, None)
    }

    /// Hands the answer to all who wait for it, and keeps it if it is a `whole` one that nothing has
    /// changed meanwhile.
    pub(crate) fn land(
        self,
        cx: &mut Context<'_>,
        asking: Asking<'_>,
        made: Result<Merged, Error>,
        whole: bool,
    ) -> Effect {
        let changes = moment(cx, asking.list.listing.kind).map(|now| now.changes);
        let only = asking.caller.scope();
        let answer = made.map_err(|error| Arc::new(Failure { error, only })).map(|mut merged| {
            // Upstreams may have failed this session alone; and a part that another request has opened
            // meanwhile was shown what nobody waits for.
            if !whole || asking.list.goes_on() || !asking.saw_no_more_than(&self.openers) {
                merged.only = Some(only);
            }
            Arc::new(merged)
        });
        let kept = answer.as_ref().ok().filter(|_| whole && changes == Some(self.asked.changes));
        let kept = kept.map(|merged| {
            // Upstreams may have got their part of the session only now.
            let public = asking.public().filter(|_| merged.only.is_none());
            let owner = public.is_none().then_some(only);
            (public.unwrap_or_else(|| asking.own()), owner, merged.clone())
        });
        cx.memory.lists.with(|lists| {
            lists.end(self.key, self.asked);
            if let Some((key, owner, merged)) = kept {
                lists.keep(key, owner, self.asked, merged);
            }
        });
        Effect::Publish(self.flight, Some(answer))
    }
}

fn count(source: Served) -> Effect {
    Effect::Count(Counter::Catalog(source), 1)
}

//! What the fake Envoy knows: filters and configurations by number, and what the module has asked of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a piece of a body is in Envoy's buffers, in bytes.
pub(super) const SLICE: usize = 64;

pub(super) type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// A request of the module's.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) body: Vec<u8>,
}

/// What a client is answered.
pub(super) struct Reply {
    pub(super) status: u32,
    pub(super) session: Option<Vec<u8>>,
}

/// A filter, or a configuration, which has no more than calls.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Side {
    /// What the module has made of it.
    pub(super) module: usize,
    pub(super) is_config: bool,
    pub(super) maps: [Headers; 2],
    /// As the ABI numbers them.
    pub(super) bodies: [Vec<u8>; 4],
    pub(super) reply: Option<Reply>,
    pub(super) replied: bool,
    pub(super) ended: bool,
    pub(super) gone_on: bool,
    pub(super) calls: BTreeMap<u64, Call>,
}

impl Side {
    pub(super) fn replied(&self) -> bool {
        self.replied
    }

    pub(super) fn went_on(&self) -> bool {
        self.gone_on
    }

    pub(super) fn take_reply(&mut self) -> Option<Reply> {
        self.reply.take()
    }
}

#[derive(Default)]
struct State {
    sides: BTreeMap<usize, Side>,
    next: usize,
    counters: usize,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Schedulers, by number, with what they belong to; and events. The timer of the module has a thread of its own.
struct Scheduled {
    schedulers: BTreeMap<usize, usize>,
    next: usize,
    events: VecDeque<(usize, u64)>,
}

static SCHEDULED: Mutex<Scheduled> =
    Mutex::new(Scheduled { schedulers: BTreeMap::new(), next: 1, events: VecDeque::new() });

fn scheduled() -> MutexGuard<'static, Scheduled> {
    SCHEDULED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does something with a side, which has to be there.
pub(super) fn with<T>(number: usize, act: impl FnOnce(&mut Side) -> T) -> T {
    STATE.with_borrow_mut(|state| {
        let side = state.sides.get_mut(&number);
        act(side.unwrap_or_else(|| panic!("{number} is asked for something, and is gone")))
    })
}

pub(super) fn new_side(side: Side) -> usize {
    STATE.with_borrow_mut(|state| {
        state.next += 1;
        // Never used again, nor by a later input: what is kept of it would be found.
        state.sides.insert(state.next, side);
        state.next
    })
}

pub(super) fn is_filter(number: usize) {
    with(number, |it| assert!(!it.is_config, "a configuration is taken for a filter"));
}

pub(super) fn is_config(number: usize) {
    with(number, |it| assert!(it.is_config, "a filter is taken for a configuration"));
}

pub(super) fn log(level: u32, line: &str) {
    assert!(!line.contains("a fault of the filter"), "{level}: {line}");
}

pub(super) fn define(config: usize, name: &str) -> usize {
    is_config(config);
    assert!(name.starts_with("mcp_mux."), "{name}");
    STATE.with_borrow_mut(|state| {
        state.counters += 1;
        state.counters
    })
}

pub(super) fn count(filter: usize, id: usize) {
    is_filter(filter);
    STATE.with_borrow(|state| assert!((1..=state.counters).contains(&id), "no such counter"));
}

pub(super) fn scheduler(owner: usize) -> usize {
    let mut all = scheduled();
    let number = all.next;
    all.next += 1;
    all.schedulers.insert(number, owner);
    number
}

pub(super) fn commit(scheduler: usize, event: u64) {
    let mut all = scheduled();
    let owner = *all.schedulers.get(&scheduler).expect("a scheduler that is there");
    all.events.push_back((owner, event));
}

pub(super) fn forget_scheduler(scheduler: usize) {
    assert!(scheduled().schedulers.remove(&scheduler).is_some(), "a scheduler is given back twice");
}

pub(super) fn start(owner: usize, cluster: &str, head: &Headers, body: Option<&[u8]>) -> u64 {
    assert!(["a", "b"].contains(&cluster), "no such cluster: {cluster}");
    let has = |name: &[u8]| head.iter().any(|(it, _)| it == name);
    assert!(has(b":method") && has(b":path") && has(b":authority"), "no request: {head:?}");
    let body = body.unwrap_or_default().to_vec();
    STATE.with_borrow_mut(|state| {
        state.next += 1;
        let id = state.next as u64;
        let side = state.sides.get_mut(&owner).expect("whoever sends a request is there");
        side.calls.insert(id, Call { id, body });
        id
    })
}

pub(super) fn reset(owner: usize, id: u64) {
    with(owner, |it| it.calls.remove(&id));
}

pub(super) fn headers<T>(filter: usize, map: u32, act: impl FnOnce(&Headers) -> T) -> T {
    with(filter, |it| act(&it.maps[usize::from(map == 2)]))
}

pub(super) fn set_header(filter: usize, map: u32, key: &[u8], value: Option<&[u8]>) {
    with(filter, |it| {
        let all = &mut it.maps[usize::from(map == 2)];
        all.retain(|(name, _)| name != key);
        all.extend(value.map(|value| (key.to_vec(), value.to_vec())));
    });
}

pub(super) fn body<T>(filter: usize, body: u32, act: impl FnOnce(&[u8]) -> T) -> T {
    with(filter, |it| act(&it.bodies[body as usize]))
}

pub(super) fn append(filter: usize, body: u32, bytes: &[u8]) {
    with(filter, |it| it.bodies[body as usize].extend_from_slice(bytes));
}

pub(super) fn drain(filter: usize, body: u32, size: usize) {
    with(filter, |it| {
        let body = &mut it.bodies[body as usize];
        body.drain(..size.min(body.len()));
    });
}

pub(super) fn goes_on(filter: usize) {
    with(filter, |it| {
        assert!(!it.replied, "a request goes on that is answered");
        it.gone_on = true;
    });
}

pub(super) fn reply(filter: usize, status: u32, headers: &Headers, end: bool) {
    with(filter, |it| {
        assert!(!it.replied, "answered twice");
        (it.replied, it.ended) = (true, end);
        let session = headers.iter().find(|(name, _)| name == b"mcp-session-id");
        it.reply = Some(Reply { status, session: session.map(|(_, id)| id.clone()) });
    });
}

pub(super) fn reply_data(filter: usize, bytes: &[u8], end: bool) {
    with(filter, |it| {
        assert!(it.replied && !it.ended, "there is no answer to go on with");
        assert!(end || !bytes.is_empty(), "nothing is sent");
        it.ended = end;
    });
}

/// Forgets a side: nothing may be asked of it any more.
pub(super) fn forget(number: usize) {
    STATE.with_borrow_mut(|state| state.sides.remove(&number));
}

/// The events that were asked for, of what is there yet.
pub(super) fn events() -> Vec<(usize, u64)> {
    let events = std::mem::take(&mut scheduled().events);
    events.into_iter().filter(|(owner, _)| is_there(*owner)).collect()
}

/// Whether there is such a side.
pub(super) fn is_there(number: usize) -> bool {
    STATE.with_borrow(|state| state.sides.contains_key(&number))
}

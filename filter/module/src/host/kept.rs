//! What Envoy keeps of the module's own things, as pointers that mean nothing to it.

use std::ptr::null;
use std::rc::Rc;
use std::sync::Arc;

/// What Envoy keeps of ours, and hands back in every hook: an `Rc` or an `Arc`.
#[repr(transparent)]
pub(crate) struct Kept<T>(*const T);

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Kept<T> {}

impl<T> Kept<T> {
    /// What stands for a thing that could not be made.
    pub(crate) const NONE: Self = Self(null());

    pub(crate) fn rc(it: Rc<T>) -> Self {
        Self(Rc::into_raw(it))
    }

    pub(crate) fn arc(it: Arc<T>) -> Self {
        Self(Arc::into_raw(it))
    }

    /// The `Rc`, of which Envoy keeps its own.
    pub(crate) fn to_rc(self) -> Option<Rc<T>> {
        // SAFETY: made by `rc`, on this thread, and not given back yet.
        (!self.0.is_null()).then(|| unsafe {
            Rc::increment_strong_count(self.0);
            Rc::from_raw(self.0)
        })
    }

    /// The `Rc` that Envoy gives back.
    pub(crate) fn back_rc(self) -> Option<Rc<T>> {
        // SAFETY: made by `rc`, on this thread, and given back once.
        (!self.0.is_null()).then(|| unsafe { Rc::from_raw(self.0) })
    }

    /// As [`Self::to_rc`].
    pub(crate) fn to_arc(self) -> Option<Arc<T>> {
        // SAFETY: made by `arc`, and not given back yet.
        (!self.0.is_null()).then(|| unsafe {
            Arc::increment_strong_count(self.0);
            Arc::from_raw(self.0)
        })
    }

    /// As [`Self::back_rc`].
    pub(crate) fn back_arc(self) -> Option<Arc<T>> {
        // SAFETY: made by `arc`, and given back once.
        (!self.0.is_null()).then(|| unsafe { Arc::from_raw(self.0) })
    }
}

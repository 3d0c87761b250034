//! The shared memory that the algorithms stand on: the real thing, or what loom can explore.
//!
//! arc-swap and `OnceLock` are invisible to loom. Their models give what those promise and no more: a value that is seen is
//! seen whole, and nothing is said of when it is seen.

#[cfg(loom)]
mod modelled;
#[cfg(not(loom))]
mod real;

#[cfg(loom)]
pub(crate) use modelled::{
    AtomicBool, AtomicI64, AtomicU64, Guard, OnceLock, Queue, Slot, TryLock, is_abandoned,
};
#[cfg(not(loom))]
pub(crate) use real::{
    AtomicBool, AtomicI64, AtomicU64, Guard, OnceLock, Queue, Slot, TryLock, is_abandoned,
};

//! The primitives that the algorithms stand on, in one place so that a model checker's can replace them.

pub(crate) use arc_swap::ArcSwapOption;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Arc, OnceLock, Weak};

//! Builds replies of the API from what the service tells.

mod campaigns;
mod deliveries;
mod health;
mod rules;
mod set_aside;
mod silences;
mod sinks;
mod stats;
mod watches;

use smswatch_api::list::{ExcerptReply, ListReply};
use smswatch_plugin::store::Page;

pub(crate) use self::campaigns::campaign;
pub(crate) use self::deliveries::delivery;
pub(crate) use self::health::{ready, status};
pub(crate) use self::rules::{group, rule};
pub(crate) use self::set_aside::set_aside;
pub(crate) use self::silences::silence;
pub(crate) use self::sinks::{sink, sink_test};
pub(crate) use self::stats::stats;
pub(crate) use self::watches::{registered, timeline, verdict, watch};

/// A page of a list, each item of it told by `reply`.
pub(crate) fn list<T, R>(page: Page<T>, reply: impl FnMut(T) -> R) -> ListReply<R> {
    let page = page.map(reply);
    ListReply {
        items: page.items,
        next: page.next,
    }
}

/// A list that has one page; `more` says whether there may be more than what was read.
pub(crate) fn excerpt<R>(items: impl IntoIterator<Item = R>, more: bool) -> ExcerptReply<R> {
    ExcerptReply {
        items: items.into_iter().collect(),
        next: None,
        more,
    }
}

#[cfg(test)]
mod tests;

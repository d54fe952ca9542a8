//! What a registration makes of a watch: pure decisions.

use smswatch_model::{MessageId, PhoneNumber, Tags, Timestamp, mask_numbers};

use super::{Spelling, Watch};
use crate::record::WatchState;

/// How many tags a watch may have.
pub const MAX_TAGS: usize = 50;

/// How many bytes the names and values of a watch's tags may have together: every event of the message
/// carries them.
pub const MAX_TAG_BYTES: usize = 16 * 1024;

/// What a registration makes of a watch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Registration {
    /// It is watched already, and has the tags.
    AsItIs,
    /// It is watched from now on.
    New(Watch),
    /// It is watched already, and gains tags.
    Changed(Watch),
}

/// What a wanted message's watch becomes. One that was removed begins anew, and so does one that was
/// given up; what is known of its message then stays known. What was recorded of it and told to nobody is told soon.
pub(crate) fn register(
    watch: Option<Watch>,
    spelled: &MessageId,
    tags: &Tags,
    now: Timestamp,
) -> Result<Registration, TooManyTags> {
    let Some(mut watch) = watch.filter(|watch| watch.state != WatchState::Removed) else {
        check_tags(tags)?;
        let spelling = Spelling::of(spelled);
        return Ok(Registration::New(Watch {
            spelling,
            ..Watch::new(now, tags.clone())
        }));
    };
    let has = |(name, value): (&String, &String)| {
        let known = watch.tags.get(name);
        known.is_some_and(|known| known == value || is_masked(known, value))
    };
    let has_all = tags.iter().all(has);
    if !has_all {
        watch.tags.extend(tags.clone());
        check_tags(&watch.tags)?;
    }
    Ok(match watch.state {
        WatchState::NotFound | WatchState::GaveUp => {
            Registration::New(watch.begun_anew(now).wanted())
        }
        _ if !watch.untold.is_empty() && !watch.is_wanted => {
            Registration::Changed(watch.polled_at(now).wanted())
        }
        _ if has_all => Registration::AsItIs,
        _ => Registration::Changed(watch),
    })
}

/// What a watch's tags would come to, which is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyTags {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

fn check_tags(tags: &Tags) -> Result<(), TooManyTags> {
    let count = tags.len();
    let bytes = tags
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if count > MAX_TAGS || bytes > MAX_TAG_BYTES {
        Err(TooManyTags { count, bytes })
    } else {
        Ok(())
    }
}

/// Whether `known` is the number `value` as an observation has masked it: it must not be stored again.
fn is_masked(known: &str, value: &str) -> bool {
    PhoneNumber::looks_like_one(value)
        && mask_numbers(value, [&PhoneNumber::new(value)]).is_some_and(|masked| masked == known)
}

#[cfg(test)]
mod tests {
    use smswatch_model::SmsId;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn id() -> MessageId {
        MessageId::new("m1").expect("an id")
    }

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn watch(state: WatchState) -> Watch {
        Watch {
            state,
            ..Watch::new(at(0), tags(&[("team", "crm")]))
        }
    }

    fn registered(watch: Option<Watch>, wanted: &[(&str, &str)]) -> Registration {
        register(watch, &id(), &tags(wanted), at(9)).expect("few tags")
    }

    #[test]
    fn what_is_watched_gains_tags_and_stays_as_it_is_otherwise() {
        let watching = || Some(watch(WatchState::Watching));
        assert_eq!(
            registered(watching(), &[("team", "crm")]),
            Registration::AsItIs
        );
        let Registration::Changed(changed) = registered(watching(), &[("env", "live")]) else {
            panic!("it gains a tag");
        };
        assert_eq!(changed.tags, tags(&[("team", "crm"), ("env", "live")]));
        assert_eq!(changed.due, at(0), "nobody polls it earlier for that");
    }

    #[test]
    fn what_was_removed_or_given_up_begins_anew() {
        for known in [None, Some(watch(WatchState::Removed))] {
            let Registration::New(new) = registered(known, &[("env", "live")]) else {
                panic!("it is new");
            };
            assert_eq!(
                (new.registered_at, new.state),
                (at(9), WatchState::Watching)
            );
            assert_eq!(new.tags, tags(&[("env", "live")]));
        }
        for state in [WatchState::GaveUp, WatchState::NotFound] {
            let Registration::New(new) = registered(Some(watch(state)), &[]) else {
                panic!("it is new");
            };
            assert_eq!(new.state, WatchState::Watching);
            assert_eq!(new.tags, tags(&[("team", "crm")]));
        }
    }

    #[test]
    fn what_was_recorded_and_told_to_nobody_is_told_to_who_registers_it() {
        for state in [WatchState::Watching, WatchState::Final, WatchState::GaveUp] {
            let recorded = Watch {
                untold: [SmsId::new("p").expect("an id")].into_iter().collect(),
                due: at(3600),
                is_confirmed: true,
                ..watch(state)
            };
            let (Registration::Changed(wanted) | Registration::New(wanted)) =
                registered(Some(recorded), &[])
            else {
                panic!("{state:?}: it is to be told");
            };
            assert!(wanted.is_wanted && !wanted.is_confirmed, "{state:?}");
            assert_eq!(wanted.due, at(9), "{state:?}: it is polled at once");
            assert_eq!(registered(Some(wanted), &[]), Registration::AsItIs);
        }
    }

    #[test]
    fn tags_are_counted_together_with_those_that_are_there() {
        let most: Vec<_> = (0..MAX_TAGS).map(|n| n.to_string()).collect();
        let most: Vec<_> = most.iter().map(|name| (name.as_str(), "x")).collect();
        assert!(register(None, &id(), &tags(&most), at(9)).is_ok());
        let many = register(
            Some(watch(WatchState::Watching)),
            &id(),
            &tags(&most),
            at(9),
        );
        assert_eq!(many.map_err(|many| many.count), Err(MAX_TAGS + 1));
        let long = "x".repeat(MAX_TAG_BYTES);
        let many = register(None, &id(), &tags(&[("a", &long)]), at(9));
        assert_eq!(many.map_err(|many| many.bytes), Err(MAX_TAG_BYTES + 1));
    }
}

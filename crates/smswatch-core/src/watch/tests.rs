//! Holds the bytes of a watch to what they promise: they come back, they are few, damage is noticed.

use proptest::prelude::*;
use smswatch_model::{Candidate, DetailWord, MessageId, Part, SmsId, Word};

use super::*;

const NOW: i64 = 1_777_636_800;

fn part(id: &str, status: &str, detail: Option<&str>) -> Part {
    let details = detail.into_iter().map(|word| DetailWord {
        status: Word::new(status),
        word: Word::new(word),
        date: NOW + 4,
    });
    Part {
        sms_id: SmsId::new(id).expect("a valid id"),
        number: Some(1),
        status: Word::new(status),
        date: NOW + 4,
        details: details.collect(),
        candidate: None,
        regressions: 0,
    }
}

fn watch(parts: Vec<Part>) -> Watch {
    Watch {
        step: 3,
        sequence: 2,
        snapshot: Snapshot {
            part_count: 1,
            parts,
        },
        ..Watch::new(Timestamp::from_seconds(NOW), Tags::new())
    }
}

#[test]
fn a_one_part_message_fits_where_the_stores_are_small() {
    let uuid = "7b1e9c52-2f0a-4a57-9d50-aaaaaaaaaa01";
    let record = watch(vec![part(uuid, "Undelivered", Some("Carrier Violation"))]).encode();
    assert!(
        record.as_bytes().len() <= 48,
        "{} bytes",
        record.as_bytes().len()
    );
}

#[test]
fn trouble_and_a_spelling_still_fit_where_the_stores_are_small() {
    let uuid = "7b1e9c52-2f0a-4a57-9d50-aaaaaaaaaa01";
    let since = Timestamp::from_seconds(NOW + 86_400);
    let watch = Watch {
        trouble: Some(Trouble::new(TroubleKind::NotFound, since)),
        spelling: Spelling::of(&MessageId::new(uuid.to_uppercase()).expect("a valid id")),
        ..watch(vec![part(uuid, "Undelivered", Some("Carrier Violation"))])
    };
    assert!(watch.encode().as_bytes().len() <= 64);
}

#[test]
fn a_message_that_is_stuck_still_fits_where_the_stores_are_small() {
    let uuid = "7b1e9c52-2f0a-4a57-9d50-aaaaaaaaaa01";
    let plain = watch(vec![part(uuid, "Sent", None)]);
    let stuck = Watch {
        stuck: [120, 1800].into(),
        ..plain.clone()
    };
    let bytes = |watch: &Watch| watch.encode().as_bytes().len();
    assert_eq!(bytes(&stuck), bytes(&plain) + 5);
}

#[test]
fn records_of_earlier_versions_are_read() {
    // Registered at noon, two polls, one event; one part, `Sent`, with the tag `team=crm`.
    let body = b"\x08\x80\xd3\xc5\xbe\x01\x02\x01\x01\x01\x02\x01x\x01\x01\x08\x01\x04team\x03crm";
    let record = Record::new(WatchState::Watching, Timestamp::from_seconds(NOW), body);
    let watch = Watch::decode(&record).expect("it was written by an earlier version");
    assert_eq!((watch.step, watch.sequence), (2, 1));
    assert_eq!(watch.snapshot.parts[0].status.as_str(), "Sent");
    assert_eq!(watch.tags["team"], "crm");
    assert_eq!((watch.trouble, watch.spelling), (None, Spelling::default()));
}

#[test]
fn earlier_versions_leave_alone_what_they_cannot_read_and_nothing_else() {
    let plain = watch(vec![part("x", "Undelivered", None)]);
    assert_eq!(plain.encode().as_bytes()[0], Record::FORMAT);
    let mut flipped = plain.clone();
    flipped.snapshot.parts[0].regressions = 1;
    let x = SmsId::new("x").expect("a valid id");
    let moved = Watch {
        announced: [(x, NOW)].into_iter().collect(),
        ..plain.clone()
    };
    let spelled = Watch {
        spelling: Spelling::of(&MessageId::new("M").expect("a valid id")),
        ..moved.clone()
    };
    let troubled = Watch {
        trouble: Some(Trouble::new(
            TroubleKind::Failed,
            Timestamp::from_seconds(NOW),
        )),
        ..moved.clone()
    };
    let stuck = Watch {
        stuck: [120].into(),
        ..plain.clone()
    };
    let repeated = Watch {
        stuck_repeats: [((120, 600), 1)].into(),
        ..plain.clone()
    };
    let pushed = Watch {
        is_pushed: true,
        ..plain.clone()
    };
    let y = SmsId::new("y").expect("a valid id");
    let untold = Watch {
        untold: [SmsId::new("x").expect("a valid id")].into_iter().collect(),
        ..plain
    };
    let wanted = Watch {
        untold: [y].into_iter().collect(),
        is_wanted: true,
        ..watch(vec![part("x", "Sent", None), part("y", "Failed", None)])
    };
    for watch in [
        flipped, moved, spelled, troubled, stuck, repeated, pushed, untold, wanted,
    ] {
        let record = watch.encode();
        assert_eq!(record.as_bytes()[0], Record::EXTENDED);
        let stored = Record::from_bytes(record.as_bytes()).expect("this version reads it");
        assert_eq!(Watch::decode(&stored), Ok(watch));
    }
}

#[test]
fn damage_is_noticed_and_never_panics() {
    let record = watch(vec![part("x", "Buffered", Some("Odd"))]).encode();
    let bytes = record.as_bytes();
    for length in Record::HEAD..bytes.len() {
        let cut = Record::from_bytes(&bytes[..length]).expect("the head is whole");
        assert_eq!(Watch::decode(&cut), Err(InvalidRecord), "{length}");
    }
}

prop_compose! {
    fn any_part()(
        id in "[!-~]{1,40}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9A-F-]{36}",
        number in prop::option::of(any::<u32>()),
        status in "Queued|Sent|Delivered|[a-zA-Z é]{0,12}",
        date in -5_000_000_000..9_000_000_000_i64,
        details in prop::collection::vec(("Sent|[a-z]{0,5}", "Expired|[a-z]{1,5}", 0..9_000_000_000_i64), 0..3),
        regressions in prop::sample::select(vec![0, 0, 1, 200, u32::MAX]),
        candidate in prop::option::of(("Failed|[a-z]{1,9}", 0..9_000_000_000_i64, 0..9_000_000_000_000_i64)),
    ) -> Part {
        Part {
            sms_id: SmsId::new(id).expect("visible ASCII"),
            number,
            status: Word::new(&status),
            date,
            details: details.into_iter().map(|(status, word, date)| DetailWord {
                status: Word::new(&status), word: Word::new(&word), date,
            }).collect(),
            candidate: candidate.map(|(status, date, since)| Candidate {
                status: Word::new(&status), date, since: Timestamp::from_millis(since),
            }),
            regressions,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        parts in prop::collection::vec(any_part(), 0..4),
        tags in prop::collection::btree_map(".{1,8}", ".{0,8}", 0..3),
        state in prop::sample::select(WatchState::ALL.to_vec()),
        (step, sequence, is_confirmed, is_pushed) in any::<(u32, u64, bool, bool)>(),
        ended in prop::option::of(0..9_000_000_000_i64),
        moved in prop::collection::vec(prop::option::of(1..9_000_000_i64), 4),
        trouble in prop::option::of((0..4_usize, 0..9_000_000_000_000_i64, any::<u32>())),
        id in "[!-~]{1,200}",
        stuck in prop::collection::btree_set(any::<u64>(), 0..4),
        stuck_repeats in prop::collection::btree_map(any::<(u64, u64)>(), any::<u64>(), 0..4),
    ) {
        let announced = parts.iter().zip(moved);
        let announced = announced
            .filter_map(|(part, by)| Some((part.sms_id.clone(), part.date - by?)))
            .collect();
        let ended_at = ended.map(Timestamp::from_seconds);
        let trouble = trouble.map(|(kind, since, polls)| Trouble {
            kind: TroubleKind::ALL[kind], since: Timestamp::from_millis(since), polls,
        });
        let spelling = Spelling::of(&MessageId::new(id).expect("visible ASCII"));
        let watch = Watch {
            state, step, sequence, is_confirmed, ended_at, tags, announced, trouble, spelling, stuck, stuck_repeats,
            is_pushed,
            ..watch(parts)
        };
        let read = Watch::decode(&watch.encode()).expect("just written");
        prop_assert_eq!(&read, &watch);
        for (read, written) in read.snapshot.parts.iter().zip(&watch.snapshot.parts) {
            prop_assert_eq!(read.status.as_str(), written.status.as_str(), "the spelling is kept");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..80)) {
        let record = Record::new(WatchState::Watching, Timestamp::from_seconds(NOW), &body);
        if let Ok(watch) = Watch::decode(&record) {
            prop_assert!(watch.snapshot.parts.len() <= body.len());
        }
    }
}

//! The messages of the demo: who sends what to whom, and what becomes of it.

use routee_sim::{Fate, MessageSpec};

/// Out of a hundred messages, how many meet which fate; the rest is delivered.
const FATES: [(Fate, u32); 13] = [
    (Fate::CarrierViolation, 3),
    (Fate::UnknownNumber, 3),
    (Fate::UndeliveredOnHandset, 2),
    (Fate::Expired, 2),
    (Fate::Failed, 2),
    (Fate::Unsent, 1),
    (Fate::MixedParts, 2),
    (Fate::Refined, 1),
    (Fate::FlipBack, 2),
    (Fate::Unknown, 1),
    (Fate::Stuck, 2),
    (Fate::MultiPart, 8),
    (Fate::Late, 3),
];

/// Country, operator and the beginning of its numbers.
const PLACES: [(&str, &str, &str); 5] = [
    ("GR", "Example Mobile", "+306900000"),
    ("DE", "Beispielfunk", "+491510000"),
    ("FR", "Exemple Telecom", "+336000000"),
    ("IT", "Esempio Mobile", "+393200000"),
    ("GB", "Sample Wireless", "+447700900"),
];

const LABELS: [&str; 3] = ["otp-login", "order-update", "otp-payment"];

/// The operator that brings nothing for a while.
const FAILING: &str = "Esempio Mobile";

/// The message number `n` out of `all`: the same in every show. During the second third of them one operator fails.
pub(super) fn message(n: u32, all: u32) -> MessageSpec {
    let (country, operator, beginning) = PLACES[index(n / 3, PLACES.len())];
    let is_failing = operator == FAILING && (all / 3..all - all / 3).contains(&n);
    let fate = if is_failing {
        Fate::CarrierViolation
    } else {
        fate(n)
    };
    MessageSpec {
        fate: Some(fate),
        time_scale: 0.5 + f64::from(n % 7) * 0.25,
        from: "MyShop".to_owned(),
        to: Some(format!("{beginning}{:03}", n % 1000)),
        country: country.to_owned(),
        operator: Some(operator.to_owned()),
        label: Some(LABELS[index(n, LABELS.len())].to_owned()),
        ..MessageSpec::default()
    }
}

/// The team whose message it is.
pub(super) fn team(n: u32) -> &'static str {
    ["crm", "identity", "shop"][index(n, 3)]
}

fn fate(n: u32) -> Fate {
    // Multiplied by a number without a common factor, a hundred in a row meet every fate.
    let mut place = n.wrapping_mul(37) % 100;
    for (fate, share) in FATES {
        if place < share {
            return fate;
        }
        place -= share;
    }
    Fate::Delivered
}

fn index(n: u32, length: usize) -> usize {
    usize::try_from(n).unwrap_or(0) % length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_operator_fails_for_a_while_and_recovers() {
        let of_operator = |range: std::ops::Range<u32>| {
            let messages = range.map(|n| message(n, 300));
            let messages = messages.filter(|one| one.operator.as_deref() == Some(FAILING));
            let failed = |one: &MessageSpec| one.fate == Some(Fate::CarrierViolation);
            let all: Vec<bool> = messages.map(|one| failed(&one)).collect();
            (all.iter().filter(|failed| **failed).count(), all.len())
        };
        assert_eq!(of_operator(100..200).0, of_operator(100..200).1);
        for others in [0..100, 200..300] {
            let (failed, all) = of_operator(others);
            assert!(failed * 5 < all, "{failed} of {all}");
        }
    }

    #[test]
    fn a_hundred_messages_meet_every_fate_and_most_are_delivered() {
        let fates: Vec<_> = (0..100).map(fate).collect();
        for (expected, share) in FATES {
            let met = fates.iter().filter(|fate| **fate == expected).count();
            assert_eq!(
                u32::try_from(met).expect("at most 100"),
                share,
                "{expected:?}"
            );
        }
        assert!(
            fates
                .iter()
                .filter(|fate| **fate == Fate::Delivered)
                .count()
                > 60
        );
    }
}

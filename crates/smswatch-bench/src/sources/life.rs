//! The messages of the measurement, and how long each lives: mostly seconds, some minutes and hours, a few days.

use fastrand::Rng;

use super::Options;
use crate::day::letter::{Ending, Letter};
use crate::day::traffic::{Traffic, poisson};

/// For how long messages are sent.
pub(super) const SENDING: u32 = 24 * 3600;

/// No message lives longer: Routee gives up after three days.
pub(super) const LONGEST: u32 = 72 * 3600;

/// Handsets that are off for up to an hour, for up to a day, and for longer than the message is tried; of ten thousand
/// messages. What lives for seconds is as in the simulated day.
const OFF_FOR_AN_HOUR: u32 = 300;
const OFF_FOR_A_DAY: u32 = 100;
const OFF_FOR_LONGER: u32 = 50;

/// How much is sent when: as the countries' clocks say.
pub(super) fn traffic(options: &Options) -> Traffic {
    let day = crate::day::Options {
        seed: options.seed,
        messages: options.messages,
        hours: 24,
        json: false,
    };
    Traffic::one_by_one(&day, f64::from(options.messages))
}

/// All messages, in the order in which they are sent.
pub(super) fn draw_all(options: &Options) -> Vec<Letter> {
    let mut rng = Rng::with_seed(options.seed);
    let traffic = traffic(options);
    let mut letters = Vec::new();
    for second in 0..SENDING {
        for _ in 0..poisson(&mut rng, traffic.in_all(second)) {
            let operator = traffic.draw(&mut rng, second);
            let letter = Letter::draw(&mut rng, second * 1000, operator, None);
            letters.push(prolonged(letter, &mut rng));
        }
    }
    letters
}

/// A message whose handset may be off for long.
fn prolonged(mut letter: Letter, rng: &mut Rng) -> Letter {
    letter.flips = false;
    let hours = |hours: u32| hours * 3_600_000;
    let drawn = rng.u32(..10_000);
    if drawn < OFF_FOR_AN_HOUR {
        (letter.ending, letter.lasts) = (Ending::Delivered, rng.u32(60_000..hours(1)));
    } else if drawn < OFF_FOR_AN_HOUR + OFF_FOR_A_DAY {
        (letter.ending, letter.lasts) = (Ending::Delivered, rng.u32(hours(1)..hours(24)));
    } else if drawn < OFF_FOR_AN_HOUR + OFF_FOR_A_DAY + OFF_FOR_LONGER {
        (letter.ending, letter.lasts) = (Ending::Expired, rng.u32(hours(24)..LONGEST * 1000));
    }
    letter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_messages_live_for_seconds_and_a_few_for_days() {
        let options = Options {
            seed: 1,
            messages: 20_000,
            only: String::new(),
            json: false,
        };
        let letters = draw_all(&options);
        assert!(
            (19_000..21_000).contains(&letters.len()),
            "{}",
            letters.len()
        );
        let longer = |seconds: u32| {
            let longer = letters
                .iter()
                .filter(|letter| letter.lasts > seconds * 1000);
            longer.count() * 1000 / letters.len()
        };
        assert!(
            (30..120).contains(&longer(60)),
            "{} of a thousand",
            longer(60)
        );
        assert!(
            (2..9).contains(&longer(24 * 3600)),
            "{} of a thousand",
            longer(24 * 3600)
        );
        let longest = letters.iter().map(|letter| letter.lasts).max();
        assert!(longest <= Some(LONGEST * 1000));
    }
}

//! What happened to the parts of one message, said once for all to which the same happened.

use smswatch_model::Event;

/// How many parts are named one by one.
const MAX_NAMED: usize = 10;

/// A line for each different thing that happened, with how many events it stands for.
pub(super) fn lines(events: &[&Event]) -> Vec<(String, usize)> {
    let mut groups: Vec<(String, Vec<&Event>)> = Vec::new();
    for event in events {
        let what = super::change::what_happened(event);
        match groups.iter_mut().find(|(known, _)| *known == what) {
            Some((_, same)) => same.push(event),
            None => groups.push((what, vec![event])),
        }
    }
    let line =
        |(what, same): (String, Vec<&Event>)| (format!("{}{what}", which(&same)), same.len());
    groups.into_iter().map(line).collect()
}

/// `Part 2 of 3: `, `Parts 1 and 3 of 3: `, `All 3 parts: `; nothing where there is one part.
fn which(events: &[&Event]) -> String {
    let count = events
        .iter()
        .filter_map(|event| event.message.part_count)
        .max();
    let count = count.unwrap_or(0);
    let mut numbers: Vec<u32> = events
        .iter()
        .filter_map(|event| event.part.number)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    if count < 2 || numbers.len() < events.len() {
        return String::new();
    }
    let words: Vec<String> = numbers.iter().map(u32::to_string).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => format!("Part {one} of {count}: "),
        all if u32::try_from(all.len()) == Ok(count) => format!("All {count} parts: "),
        many if many.len() > MAX_NAMED => format!("{} of {count} parts: ", many.len()),
        [some @ .., last] => format!("Parts {} and {last} of {count}: ", some.join(", ")),
    }
}

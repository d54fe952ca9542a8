//! Finds the part that a report is about, also while the provider does not tell its name.

use crate::{Part, PartReport};

/// The place in `parts` of the part that `report` is about; `None` if it is not known yet. A part that
/// had no name takes the report's.
pub(super) fn find(parts: &mut [Part], report: &PartReport) -> Option<usize> {
    let same = parts.iter().position(|part| part.sms_id == report.sms_id);
    if same.is_some() {
        return same;
    }
    match report.sms_id.unnamed_place() {
        Some(place) => find_named(parts, report, report.number.unwrap_or(place)),
        None => {
            let position = find_unnamed(parts, report)?;
            parts[position].sms_id = report.sms_id.clone();
            Some(position)
        }
    }
}

/// The named part that a report without a name is about.
fn find_named(parts: &[Part], report: &PartReport, place: u32) -> Option<usize> {
    let named = |part: &&(usize, &Part)| part.1.sms_id.unnamed_place().is_none();
    let parts: Vec<_> = parts.iter().enumerate().collect();
    let numbered = parts.iter().filter(named);
    if let Some((position, _)) = numbered
        .clone()
        .find(|(_, part)| part.number == Some(place))
    {
        return Some(*position);
    }
    // Without numbers nothing tells which is which; one of the same status makes no false news.
    let mut unnumbered = numbered.filter(|(_, part)| part.number.is_none());
    let same = unnumbered
        .clone()
        .find(|(_, part)| part.status == report.status);
    let nth = usize::try_from(place.saturating_sub(1)).unwrap_or(usize::MAX);
    same.or_else(|| unnumbered.nth(nth))
        .map(|(position, _)| *position)
}

/// The part without a name that a report with one is about.
fn find_unnamed(parts: &[Part], report: &PartReport) -> Option<usize> {
    let place = |part: &Part| {
        let place = part.sms_id.unnamed_place()?;
        Some(part.number.unwrap_or(place))
    };
    if let Some(number) = report.number {
        return parts.iter().position(|part| place(part) == Some(number));
    }
    let is_same = |part: &Part| place(part).is_some() && part.status == report.status;
    let same = parts.iter().position(is_same);
    same.or_else(|| parts.iter().position(|part| place(part).is_some()))
}

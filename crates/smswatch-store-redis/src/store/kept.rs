//! How records of other kinds than watches stand in Redis.

use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{KeptRecord, RecordChange, RecordId};

use crate::call::Call;
use crate::delivery::text;

/// What every value of this format begins with.
const FORMAT: &str = "1";

/// Adds a change to the arguments of a script.
pub(super) fn add(call: &mut Call<'_>, change: &RecordChange) {
    let expected = change.expected.map(|version| version.to_string());
    let record = change.record.as_ref();
    let due = record.and_then(|record| record.due);
    let due = due.map(|due| due.as_millis().to_string());
    call.arg(change.kind.as_str())
        .arg(change.id.as_str())
        .arg(expected.unwrap_or_default())
        .arg(due.unwrap_or_default())
        .arg(record.map_or(&[][..], |record| &record.body));
}

/// Adds the changes of one step to the arguments of a script.
pub(super) fn add_all(call: &mut Call<'_>, changes: &[RecordChange]) {
    for change in changes {
        add(call, change);
    }
}

/// Reads a value; `None` if there is none. One of a later version is a record without a body, which nobody can read, and of
/// a version that no change can expect: it is seen, and left alone.
pub(super) fn read(id: &RecordId, value: &[u8]) -> Option<KeptRecord> {
    (!value.is_empty()).then(|| {
        read_known(id, value).unwrap_or_else(|| KeptRecord {
            id: id.clone(),
            version: 0,
            due: None,
            body: Vec::new(),
        })
    })
}

fn read_known(id: &RecordId, value: &[u8]) -> Option<KeptRecord> {
    let end = value.iter().position(|byte| *byte == b'\n')?;
    let mut words = text(&value[..end]).ok()?.split(' ');
    let (format, version, due) = (words.next()?, words.next()?, words.next()?);
    let due = match due {
        "" => None,
        millis => Some(Timestamp::from_millis(millis.parse().ok()?)),
    };
    Some(KeptRecord {
        id: id.clone(),
        version: (format == FORMAT).then(|| version.parse().ok())??,
        due,
        body: value[end + 1..].to_vec(),
    })
}

/// Reads ids and values, without what cannot be read.
pub(super) fn read_all(rows: &[Vec<u8>]) -> Vec<KeptRecord> {
    let rows = rows.chunks_exact(2);
    let records = rows.filter_map(|row| {
        let id = RecordId::new(text(&row[0]).ok()?).ok()?;
        read(&id, &row[1])
    });
    records.collect()
}

//! The table of answers: what a status means for a delivery.

use std::time::Duration;

use smswatch_plugin::sink::Retry;

/// What each status means, with what a sink knows better of its receiver.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    taken: Vec<u16>,
    never: Vec<u16>,
}

impl Table {
    /// These mean delivered.
    pub(crate) fn taken_by(&mut self, statuses: impl IntoIterator<Item = u16>) {
        self.taken.extend(statuses);
    }

    /// These mean that the receiver will never take it.
    pub(crate) fn never(&mut self, statuses: impl IntoIterator<Item = u16>) {
        self.never.extend(statuses);
    }

    /// Whether `status` means delivered, else whether trying again can help; `wait` is for how long the
    /// receiver asks to be left alone.
    pub(crate) fn means(&self, status: u16, wait: Option<Duration>) -> Result<(), Retry> {
        if self.taken.contains(&status) {
            return Ok(());
        }
        if self.never.contains(&status) {
            return Err(Retry::Never);
        }
        match (status, wait) {
            (200..300, _) => Ok(()),
            (410, _) => Err(Retry::Gone),
            // The receiver will never take this notification.
            (400 | 405 | 413 | 415 | 422, _) => Err(Retry::Never),
            (429 | 503, Some(wait)) => Err(Retry::After(wait)),
            // Redirects are among these: they are not followed. So are 401, 403 and 404: two minutes of a
            // receiver's deployment must not kill an alert.
            _ => Err(Retry::Later),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Option<Duration> = Some(Duration::from_secs(7));

    #[test]
    fn a_sink_widens_the_table_and_the_rest_stays() {
        let mut table = Table::default();
        table.taken_by([202, 409, 304]);
        table.never([418, 204, 503]);
        for (status, wait, expected) in [
            (200, None, Ok(())),
            (202, None, Ok(())),
            (409, None, Ok(())),
            (304, None, Ok(())),
            (204, None, Err(Retry::Never)),
            (418, None, Err(Retry::Never)),
            (503, WAIT, Err(Retry::Never)),
            (422, WAIT, Err(Retry::Never)),
            (410, WAIT, Err(Retry::Gone)),
            (429, WAIT, Err(Retry::After(Duration::from_secs(7)))),
            (429, None, Err(Retry::Later)),
            (500, WAIT, Err(Retry::Later)),
            (307, None, Err(Retry::Later)),
            (401, None, Err(Retry::Later)),
            (404, None, Err(Retry::Later)),
        ] {
            assert_eq!(table.means(status, wait), expected, "{status}");
        }
    }
}

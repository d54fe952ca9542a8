//! The silences that the running service keeps, active or ended: a backtest holds back what they would have.

use smswatch_api::silences::{SilenceReply, SilenceSource, SilencesQuery};
use smswatch_core::rehearsal::PastSilence;
use smswatch_plugin::rules::Rules;

use crate::client::{Client, read};

/// How many silences a page has at most.
const PAGE: &str = "1000";

/// Silences, ready to be asked.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) silences: Vec<PastSilence>,
    /// How many there are that these rules cannot read.
    pub(super) n_unreadable: u64,
}

/// Asks the service for all that it keeps. Maintenance windows come with the configurations that are compared.
///
/// # Errors
///
/// The service is not there.
pub(super) async fn fetch(client: &Client) -> anyhow::Result<Vec<SilenceReply>> {
    let mut query = SilencesQuery {
        limit: Some(PAGE.to_owned()),
        ..SilencesQuery::default()
    };
    let mut silences = Vec::new();
    loop {
        let page = client.list(&["v1", "silences"], &query).await?;
        for silence in &page.items {
            let silence: SilenceReply = read(silence)?;
            if silence.source == SilenceSource::Api {
                silences.push(silence);
            }
        }
        query.cursor = page.next;
        if query.cursor.is_none() {
            return Ok(silences);
        }
    }
}

/// Compiles them as `rules` read them.
pub(super) fn compile(silences: &[SilenceReply], rules: &dyn Rules) -> Compiled {
    let mut all = Compiled::default();
    for silence in silences {
        match rules.hold_back(&silence.matching.clone().into()) {
            Ok(compiled) => all.silences.push(PastSilence {
                since: silence.created_at,
                until: silence.until,
                id: silence.id.clone(),
                hold_back: compiled.hold_back,
            }),
            Err(_) => all.n_unreadable += 1,
        }
    }
    all
}

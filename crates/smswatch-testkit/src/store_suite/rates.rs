//! Promises about rates that several processes share.

use std::time::Duration;

use futures::future::join_all;
use smswatch_plugin::store::Rate;

use super::{StoreFixture, until};

/// Whoever asks, and however often: a burst is one period's worth, and then permits come slowly.
pub async fn a_rate_grants_no_more_than_its_permits_at_once(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let rate = Rate {
        permits: 5,
        per: Duration::from_secs(3600),
    };
    let asked = (0..10).map(|_| store.reserve("provider", rate, 2));
    let granted = join_all(asked)
        .await
        .into_iter()
        .map(|reserved| reserved.expect("permits"));
    assert_eq!(granted.map(|reserved| reserved.granted).sum::<u32>(), 5);
    let none = store.reserve("provider", rate, 2).await.expect("an answer");
    assert_eq!(none.granted, 0);
    assert!(none.next_in > Duration::from_secs(600) && none.next_in <= Duration::from_secs(720));
    let quick = Rate {
        permits: 1000,
        per: Duration::from_secs(1),
    };
    assert_eq!(
        store
            .reserve("quick", quick, 1000)
            .await
            .expect("permits")
            .granted,
        1000
    );
    until(async || {
        store
            .reserve("quick", quick, 1)
            .await
            .expect("an answer")
            .granted
            == 1
    })
    .await;
}

/// One rate's permits are not another's.
pub async fn rates_do_not_share_permits(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let rate = Rate {
        permits: 1,
        per: Duration::from_secs(3600),
    };
    for name in ["provider", "sink:crm", "sink:é {0}"] {
        let reserved = store.reserve(name, rate, 1).await.expect("permits");
        assert_eq!(
            (reserved.granted, reserved.next_in),
            (1, Duration::ZERO),
            "{name}"
        );
    }
}

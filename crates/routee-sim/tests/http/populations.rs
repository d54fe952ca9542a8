//! Populations: a million messages that weigh nothing, and what was served of them.

use reqwest::StatusCode;
use routee_sim::{Advance, Fate, PopulationSpec, SimConfig, WeightedFate};

use crate::stage;

#[tokio::test]
async fn five_million_messages_are_there_at_once() {
    let stage = stage(SimConfig::default()).await;
    let spec = PopulationSpec {
        name: "many".to_owned(),
        count: 5_000_000,
        hold: true,
        ..Default::default()
    };
    stage.sim.add_population(spec).expect("made");
    for offset in [0, 2_500_000, 4_999_999] {
        let ids = stage.sim.population_ids("many", offset, 1).expect("known");
        let parts = stage.parts(&ids[0]).await;
        assert_eq!(parts[0]["messageId"], ids[0].as_str());
        assert_eq!(parts[0]["status"]["status"], "Queued");
    }
    assert_eq!(
        stage
            .sim
            .population_ids("many", 4_999_999, 9)
            .expect("known")
            .len(),
        1
    );
    assert_eq!(stage.sim.population("many").expect("known").polls, 3);
}

#[tokio::test]
async fn an_id_means_the_same_in_every_run_and_other_populations_have_others() {
    let spec = |name: &str| PopulationSpec {
        name: name.to_owned(),
        ..Default::default()
    };
    let mut seen = Vec::new();
    for _ in 0..2 {
        let stage = stage(SimConfig::default()).await;
        stage.sim.add_population(spec("left")).expect("made");
        stage.sim.add_population(spec("right")).expect("made");
        let left = stage.sim.population_ids("left", 0, 5).expect("known");
        let right = stage.sim.population_ids("right", 0, 5).expect("known");
        assert!(left.iter().all(|id| !right.contains(id)));
        assert_eq!(stage.track(&right[3]).await.status(), StatusCode::OK);
        seen.push((left, right));
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_command_changes_everything_and_the_ledger_balances() {
    let stage = stage(SimConfig::default()).await;
    stage
        .sim
        .add_population(PopulationSpec {
            name: "bench".to_owned(),
            count: 50,
            hold: true,
            ledger: true,
            count_polls: true,
            fates: vec![Fate::CarrierViolation.into()],
            ..Default::default()
        })
        .expect("made");
    let ids = stage.sim.population_ids("bench", 0, 50).expect("known");
    for id in &ids {
        assert_eq!(stage.parts(id).await[0]["status"]["status"], "Queued");
    }
    let order = Advance {
        steps: 2,
        to: Some(20),
        ..Advance::default()
    };
    assert_eq!(stage.sim.advance("bench", order).expect("valid"), 20);
    let mut undelivered = 0;
    for id in &ids {
        let parts = stage.parts(id).await;
        undelivered += usize::from(parts[0]["status"]["status"] == "Undelivered");
    }
    assert_eq!(undelivered, 20);
    let report = stage.sim.population("bench").expect("known");
    assert_eq!((report.polls, report.messages_served), (100, Some(50)));
    assert_eq!(
        (report.first_sights, report.changes_served),
        (Some(50), Some(70))
    );
    assert_eq!(report.messages_served_final, Some(20));
    assert_eq!(stage.sim.stats().changes_served, 70);

    let ledger = stage
        .get("/_sim/populations/bench/ledger?offset=19&limit=2")
        .await;
    let ledger = ledger.text().await.expect("text");
    let expected = format!(
        "{}\t2\tUndelivered/Carrier Violation\n{}\t2\tQueued/\n",
        ids[19], ids[20]
    );
    assert_eq!(ledger, expected);
}

#[tokio::test]
async fn fates_are_mixed_by_weight_and_spread_over_time() {
    let stage = stage(SimConfig::default()).await;
    let fates = vec![
        WeightedFate {
            weight: 3,
            ..Fate::Delivered.into()
        },
        WeightedFate {
            weight: 1,
            ..Fate::UnknownNumber.into()
        },
    ];
    let spec = PopulationSpec {
        name: "mix".to_owned(),
        count: 200,
        spread_ms: 100_000_000,
        fates,
        ..Default::default()
    };
    stage.sim.add_population(spec).expect("made");
    let ids = stage.sim.population_ids("mix", 0, 200).expect("known");
    assert_eq!(
        stage.track(&ids[150]).await.status(),
        StatusCode::NOT_FOUND,
        "not yet accepted"
    );
    stage
        .sim
        .merge_switches(&serde_json::json!({"auth": {"check_bearer": false}}))
        .expect("known");
    stage.sim.advance_clock(200_000_000);
    let mut delivered = 0;
    for id in &ids {
        delivered += usize::from(stage.parts(id).await[0]["status"]["status"] == "Delivered");
    }
    assert!((120..=180).contains(&delivered), "{delivered} of 200");
}

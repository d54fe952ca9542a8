//! Tokens: given for the right credentials, refused and forgotten as wished.

use reqwest::StatusCode;
use routee_sim::{Fate, SimConfig};
use serde_json::json;

use crate::{ask_token, json, stage};

#[tokio::test]
async fn a_token_is_given_for_the_right_credentials_only() {
    let stage = stage(SimConfig::default()).await;
    let url = stage.sim.url();
    let good = ask_token(&stage.client, &url, "sim-app", "sim-secret").await;
    assert_eq!(good.status(), StatusCode::OK);
    let good = json(good).await;
    assert_eq!(good["token_type"], "bearer");
    assert!(
        good["expires_in"]
            .as_i64()
            .is_some_and(|seconds| (3590..=3600).contains(&seconds))
    );

    let bad = ask_token(&stage.client, &url, "sim-app", "guessed").await;
    assert_eq!(bad.status(), StatusCode::UNAUTHORIZED);
    let bad = json(bad).await;
    assert_eq!(
        (&bad["error"], &bad["message"]),
        (&json!("Unauthorized"), &json!("Bad credentials"))
    );
    assert_eq!(stage.sim.stats().tokens_issued, 2);
}

#[tokio::test]
async fn a_resource_refuses_a_missing_a_revoked_and_an_expired_bearer() {
    let stage = stage(SimConfig::default()).await;
    let id = stage.sim.register(Fate::Delivered).expect("registered");
    let url = format!("{}/sms/tracking/single/{id}", stage.sim.url());
    let bare = stage.client.get(url).send().await.expect("an answer");
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(json(bare).await["error"], "unauthorized");

    assert_eq!(stage.track(&id).await.status(), StatusCode::OK);
    stage.sim.advance_clock(3_600_000);
    let expired = stage.track(&id).await;
    assert_eq!(expired.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(json(expired).await["error"], "invalid_token");

    stage.sim.advance_clock(-3_600_000);
    assert_eq!(stage.track(&id).await.status(), StatusCode::OK);
    assert_eq!(stage.sim.revoke_tokens(), 1);
    assert_eq!(stage.track(&id).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_switch_of_tokens_works() {
    let stage = stage(SimConfig::default()).await;
    let url = stage.sim.url();
    let ask = async |switches| {
        stage
            .sim
            .merge_switches(&json!({"auth": switches}))
            .expect("known switches");
        ask_token(&stage.client, &url, "sim-app", "sim-secret").await
    };
    assert_eq!(
        json(ask(json!({"expires_in": "3600"})).await).await["expires_in"],
        "3600"
    );
    assert!(
        json(ask(json!({"expires_in": "absent"})).await)
            .await
            .get("expires_in")
            .is_none()
    );
    assert_eq!(
        json(ask(json!({"expires_in": 999_999})).await).await["expires_in"],
        999_999
    );

    let first = json(ask(json!({"same_token": true, "expires_in": null})).await).await;
    let second = json(ask(json!({})).await).await;
    assert_eq!(first["access_token"], second["access_token"]);

    assert_eq!(
        ask(json!({"refuse": 403})).await.status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(ask(json!({"refuse": 500})).await.status().as_u16(), 500);

    let early = json!({"refuse": null, "same_token": false, "dies_after_uses": 2});
    let token = json(ask(early).await).await["access_token"]
        .as_str()
        .expect("text")
        .to_owned();
    let id = stage.sim.register(Fate::Queued).expect("registered");
    let tracked = format!("{url}/sms/tracking/single/{id}");
    for expected in [200, 200, 401] {
        let request = stage.client.get(&tracked).bearer_auth(&token);
        assert_eq!(
            request.send().await.expect("an answer").status().as_u16(),
            expected
        );
    }
    stage
        .sim
        .merge_switches(&json!({"auth": {"bad_bearer_status": 403}}))
        .expect("known");
    let forbidden = stage
        .client
        .get(&tracked)
        .bearer_auth("guessed")
        .send()
        .await
        .expect("an answer");
    assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
    assert_eq!(json(forbidden).await["code"], "403000000");
}

#[tokio::test]
async fn a_wrong_grant_is_refused() {
    let stage = stage(SimConfig::default()).await;
    let request = stage
        .client
        .post(format!(
            "{}/oauth/token?grant_type=password",
            stage.sim.url()
        ))
        .basic_auth("sim-app", Some("sim-secret"));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(json(answer).await["error"], "unsupported_grant_type");
}

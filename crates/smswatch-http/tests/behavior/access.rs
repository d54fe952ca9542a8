//! Tokens decide who may call `/v1`.

use smswatch_http::{ApiToken, Scope};
use smswatch_plugin::Secret;

use crate::house::House;

fn token(name: &str, scope: Scope) -> ApiToken {
    ApiToken {
        name: name.to_owned(),
        token: Secret::new(format!("token-of-{name}")),
        scope,
    }
}

#[tokio::test]
async fn the_api_needs_a_token_and_everything_else_does_not() {
    let tokens = vec![token("reader", Scope::Read), token("writer", Scope::Write)];
    let house = House::with_tokens(tokens).await;
    for path in ["/", "/healthz", "/readyz", "/metrics"] {
        assert_eq!(house.get(path).await.status, 200, "{path}");
    }
    for path in ["/v1", "/v1/watches", "/v1/status", "/v1/nowhere"] {
        let answer = house.get(path).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (401, "unauthorized"),
            "{path}"
        );
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert!(challenge.starts_with("Bearer"), "{challenge}");
    }
    let body = r#"{"messages":[{"message_id":"a"}]}"#;
    for (method, token, status) in [
        ("GET", "token-of-nobody", 401),
        ("GET", "token-of-reader", 200),
        ("POST", "token-of-reader", 403),
        ("GET", "token-of-writer", 200),
        ("POST", "token-of-writer", 202),
    ] {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = house.send(method, "/v1/watches", &headers, body).await;
        assert_eq!(answer.status, status, "{method} with {token}");
    }
    house.close().await;
}

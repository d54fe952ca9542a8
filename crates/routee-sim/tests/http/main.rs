//! The simulator over real HTTP, as a client meets it.

mod admin;
mod auth;
mod callbacks;
mod faults;
mod populations;
mod program;
mod receiver;
mod searches;
mod sending;
mod shapes;
mod tracking;

use reqwest::{Client, Response, StatusCode};
use routee_sim::{Sim, SimConfig};
use serde_json::Value;

/// A simulator and a client that has a token.
struct Stage {
    sim: Sim,
    client: Client,
    token: String,
}

/// A client without any patience of its own.
fn client() -> Client {
    // Another test may have installed it before; either way it is there.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
        .no_proxy()
        .build()
        .expect("a plain client")
}

async fn stage(config: SimConfig) -> Stage {
    let sim = Sim::start(config).expect("a free port");
    let client = client();
    let answer = ask_token(&client, &sim.url(), "sim-app", "sim-secret").await;
    let token = json(answer).await["access_token"]
        .as_str()
        .unwrap_or("none")
        .to_owned();
    Stage { sim, client, token }
}

async fn ask_token(client: &Client, url: &str, id: &str, secret: &str) -> Response {
    client
        .post(format!("{url}/oauth/token"))
        .basic_auth(id, Some(secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials")
        .send()
        .await
        .expect("an answer")
}

async fn json(answer: Response) -> Value {
    let body = answer.bytes().await.expect("a whole body");
    serde_json::from_slice(&body).expect("JSON")
}

impl Stage {
    fn request(&self, id: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/sms/tracking/single/{id}", self.sim.url());
        self.client.get(url).bearer_auth(&self.token)
    }

    async fn track(&self, id: &str) -> Response {
        self.request(id).send().await.expect("an answer")
    }

    /// The parts of a message that must be there.
    async fn parts(&self, id: &str) -> Vec<Value> {
        let answer = self.track(id).await;
        assert_eq!(answer.status(), StatusCode::OK);
        json(answer).await.as_array().expect("an array").clone()
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        self.client
            .post(format!("{}{path}", self.sim.url()))
            .bearer_auth(&self.token)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .expect("an answer")
    }

    async fn get(&self, path: &str) -> Response {
        let url = format!("{}{path}", self.sim.url());
        self.client
            .get(url)
            .bearer_auth(&self.token)
            .send()
            .await
            .expect("an answer")
    }
}

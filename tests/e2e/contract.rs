//! The description of the API is valid OpenAPI, the binary keeps to it whatever it is sent, and clients that
//! generators make of it work.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::ask;
use crate::process::Process;
use crate::stage::{Stage, sqlite_in};

const TOKEN: &str = "a-token-of-this-test";

/// The description that is kept in the repository; another test compares it with that of the program.
fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json")
}

/// Where `cargo xtask test` has installed programs beside what cargo builds.
fn tools() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_smswatch"));
    let target = program.ancestors().nth(2).expect("a target directory");
    target.join("python-tools")
}

/// One of these programs.
fn tool(name: &str) -> Command {
    let tool = tools().join(name);
    assert!(
        tool.exists(),
        "{} is not there; `cargo xtask test` installs it",
        tool.display()
    );
    let mut command = Command::new(tool);
    // Those that are written for Node look for it there.
    let programs = format!("{}:/usr/bin:/bin", tools().join("bin").display());
    command.env("PATH", programs);
    command
}

#[track_caller]
fn succeeded(output: std::io::Result<Output>) {
    let output = output.expect("it runs");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A process that wants a token.
fn started(stage: &Stage) -> Process {
    let config = stage.config(&sqlite_in(stage.directory.path()));
    let text = std::fs::read_to_string(&config).expect("a file");
    let listen = "listen: \"127.0.0.1:0\"";
    let text = text.replace(listen, &format!("{listen}, token: {TOKEN}"));
    std::fs::write(&config, text).expect("a file");
    let mut process = Process::start(&config);
    process.token = Some(TOKEN);
    process
}

#[test]
fn the_description_of_the_api_is_openapi_3_1() {
    succeeded(tool("bin/openapi-spec-validator").arg(document()).output());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_makes_the_api_fail_or_break_its_contract() {
    let stage = Stage::new().await;
    let process = started(&stage);
    let output = tool("bin/schemathesis")
        .current_dir(stage.directory.path())
        .args(["run", &format!("{}/openapi.json", process.url)])
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        // It ends when its reader goes, and has tests of its own.
        .args(["--exclude-path", "/v1/events/stream"])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "8", "--generation-deterministic"])
        // A cursor or a delivery that nobody gave out is refused, which no schema can say. What the API cannot do
        // at a moment is 503, which the description has. Of many wrong tokens the later ones get 429, as another test
        // sees.
        .args(["--exclude-checks", "positive_data_acceptance,ignored_auth"])
        .args(["--suppress-health-check", "all", "--no-color"])
        .output();
    succeeded(output);
    let (status, _) = ask::json(&process, "/v1/status").await;
    assert_eq!(status, 200);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_wrong_tokens_no_other_is_looked_at_and_the_right_one_is_taken() {
    let stage = Stage::new().await;
    let process = started(&stage);
    let answer = async |token: &str| {
        let request = reqwest::Client::new().get(format!("{}/v1/status", process.url));
        let answer = request.bearer_auth(token).send().await;
        answer.expect("the process answers")
    };
    for n in 0..10 {
        let status = answer(&format!("guess-{n}")).await.status();
        assert_eq!(status.as_u16(), 401, "guess {n}");
    }
    let refused = answer("guess-10").await;
    assert_eq!(refused.status().as_u16(), 429);
    let seconds = refused.headers()["retry-after"]
        .to_str()
        .map(str::parse::<u64>);
    let seconds = seconds.expect("a text").expect("a number");
    assert!((1..=61).contains(&seconds), "{seconds}");
    assert_eq!(answer(TOKEN).await.status().as_u16(), 200);
    // Without a token nobody guesses.
    let without = reqwest::get(format!("{}/v1/status", process.url)).await;
    assert_eq!(without.expect("an answer").status().as_u16(), 401);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_python_that_a_generator_made_registers_a_message() {
    let stage = Stage::new().await;
    let process = started(&stage);
    let directory = stage.directory.path();
    let generated = tool("bin/openapi-python-client")
        .args(["generate", "--meta", "none", "--path"])
        .arg(document())
        .arg("--output-path")
        .arg(directory.join("smswatch_client"))
        .output();
    succeeded(generated);
    let script = concat!(
        "import sys\n",
        "from smswatch_client import AuthenticatedClient\n",
        "from smswatch_client.api.groups import list_groups\n",
        "from smswatch_client.api.rules import list_rules\n",
        "from smswatch_client.api.stuck import list_stuck\n",
        "from smswatch_client.api.watches import get_watch, register_messages\n",
        "from smswatch_client.models import MessageToWatch, WatchRequest\n",
        "url, token = sys.argv[1:]\n",
        "client = AuthenticatedClient(base_url=url, token=token)\n",
        "request = WatchRequest(messages=[MessageToWatch(message_id='from-python')])\n",
        "registered = register_messages.sync(client=client, body=request)\n",
        "assert (registered.accepted, registered.already_watched) == (1, 0), registered\n",
        "watch = get_watch.sync('from-python', client=client)\n",
        "assert watch.message_id == 'from-python' and watch.state == 'watching', watch\n",
        "rules = list_rules.sync(client=client)\n",
        "assert [rule.rule for rule in rules.items] == ['carrier-violation', 'undelivered'], rules\n",
        "for waiting in (list_groups.sync(client=client), list_stuck.sync(client=client)):\n",
        "    assert waiting.items == [] and waiting.more is False, waiting\n",
    );
    let called = tool("bin/python")
        .current_dir(directory)
        .args(["-c", script, &process.url, TOKEN])
        .output();
    succeeded(called);
    assert_eq!(
        ask::watch(&process, "from-python").await["state"],
        "watching"
    );
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_typescript_that_a_generator_made_registers_a_message() {
    let stage = Stage::new().await;
    let process = started(&stage);
    let directory = stage.directory.path();
    let script = r"
        import { createClient } from './smswatch/client';
        import { getWatch, registerMessages } from './smswatch';
        const [url, token] = process.argv.slice(2);
        const client = createClient({ baseUrl: url, auth: token });
        const body = { messages: [{ message_id: 'from-typescript' }] };
        const registered = await registerMessages({ client, body, throwOnError: true });
        if (registered.data.accepted !== 1) throw new Error(JSON.stringify(registered.data));
        const path = { message_id: 'from-typescript' };
        const watch = await getWatch({ client, path, throwOnError: true });
        console.log(JSON.stringify(watch.data));
        export {};
    ";
    std::fs::write(directory.join("register.ts"), script).expect("a file");
    let node = |name: &str| {
        let mut command = tool(&format!("node/node_modules/.bin/{name}"));
        command.current_dir(directory);
        command
    };
    let generated = node("openapi-ts")
        .args(["--output", "smswatch", "--client", "@hey-api/client-fetch"])
        .args(["--no-log-file", "--input"])
        .arg(document())
        .output();
    succeeded(generated);
    let checked = node("tsc")
        .args([
            "--noEmit", "--strict", "--target", "es2022", "--module", "esnext",
        ])
        .args([
            "--moduleResolution",
            "bundler",
            "--types",
            "node",
            "--typeRoots",
        ])
        .arg(tools().join("node/node_modules/@types"))
        .arg("register.ts")
        .output();
    succeeded(checked);
    let bundled = node("esbuild")
        .args(["register.ts", "--bundle", "--platform=node", "--format=esm"])
        .arg("--outfile=register.mjs")
        .output();
    succeeded(bundled);
    let called = tool("bin/node")
        .current_dir(directory)
        .args(["register.mjs", &process.url, TOKEN])
        .output();
    succeeded(called);
    assert_eq!(
        ask::watch(&process, "from-typescript").await["state"],
        "watching"
    );
    assert_eq!(process.terminate(), Some(0));
}

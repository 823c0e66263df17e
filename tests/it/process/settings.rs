//! Where settings come from, and what is said about wrong ones.

use std::fs;

use super::Program;

/// `rolecall config`'s word on how long tokens last.
async fn seconds(program: &Program, flags: &[&str]) -> String {
    let shown = program.run(&[&["config"], flags].concat()).await.assert(0).stdout;
    shown.lines().find_map(|line| line.strip_prefix("access_token_seconds = ")).unwrap().to_owned()
}

#[tokio::test]
async fn a_flag_beats_a_variable_beats_dotenv_beats_the_file_beats_the_default() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path());
    assert_eq!(seconds(&program, &[]).await, "900");
    fs::write(directory.path().join("rolecall.toml"), "access_token_seconds = 1").unwrap();
    assert_eq!(seconds(&program, &[]).await, "1");
    fs::write(directory.path().join(".env"), "ROLECALL_ACCESS_TOKEN_SECONDS=2").unwrap();
    assert_eq!(seconds(&program, &[]).await, "2");
    let program = program.with("ROLECALL_ACCESS_TOKEN_SECONDS", "3");
    assert_eq!(seconds(&program, &[]).await, "3");
    assert_eq!(seconds(&program, &["--access-token-seconds", "4"]).await, "4");
}

#[tokio::test]
async fn the_file_may_be_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("other.toml"), "access_token_seconds = 7").unwrap();
    let program = Program::unconfigured(directory.path());
    assert_eq!(seconds(&program, &["--config", "other.toml"]).await, "7");
    assert_eq!(seconds(&program.clone().with("ROLECALL_CONFIG", "other.toml"), &[]).await, "7");
    program.run(&["config", "--config", "missing.toml"]).await.assert_refused(&["missing.toml"]);
}

#[tokio::test]
async fn what_is_not_a_setting_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path());
    program.clone().with("ROLECALL_LISTN", "x").run(&[]).await.assert_refused(&["ROLECALL_LISTN"]);
    fs::write(directory.path().join(".env"), "ROLECALL_ISUER=x").unwrap();
    program.run(&[]).await.assert_refused(&["ROLECALL_ISUER", ".env"]);
    fs::write(directory.path().join(".env"), "OTHERS=x").unwrap();
    fs::write(directory.path().join("rolecall.toml"), "listn = '127.0.0.1:0'").unwrap();
    program.run(&[]).await.assert_refused(&["listn", "rolecall.toml"]);
    fs::remove_file(directory.path().join("rolecall.toml")).unwrap();
    program.run(&["config"]).await.assert(0);
}

#[tokio::test]
async fn a_value_that_can_not_be_is_named_by_where_it_stands() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path());
    for (variable, value) in [
        ("ROLECALL_LISTEN", "localhost"),
        ("ROLECALL_ISSUER", "rolecall.example"),
        ("ROLECALL_ACCESS_TOKEN_SECONDS", "15m"),
        ("ROLECALL_SIGNING_ALGORITHM", "HS256"),
        ("ROLECALL_ARGON2", "m=1"),
        ("ROLECALL_TRUSTED_PROXIES", "10.0.0.0/40"),
        ("ROLECALL_CORS_ORIGINS", "*"),
        ("ROLECALL_ADMIN_USERNAME", "not a name"),
        ("ROLECALL_LOG_FORMAT", "xml"),
        ("DATABASE_URL", "mysql://db.example/x"),
    ] {
        program.clone().with(variable, value).run(&[]).await.assert_refused(&[variable]);
    }
    program.run(&["--access-token-seconds", "0"]).await.assert_refused(&["--access-token-seconds"]);
    fs::write(directory.path().join("rolecall.toml"), "access_token_seconds = 'soon'").unwrap();
    program.run(&[]).await.assert_refused(&["access_token_seconds in rolecall.toml"]);
    fs::write(directory.path().join("rolecall.toml"), "this is no TOML").unwrap();
    program.run(&[]).await.assert_refused(&["rolecall.toml"]);
    assert!(!directory.path().join("rolecall-data").exists(), "nothing is made before all settings are right");
}

#[tokio::test]
async fn the_effective_settings_are_shown_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path())
        .with("ROLECALL_ADMIN_PASSWORD", "hunter2 hunter2")
        .with("ROLECALL_KEY_ENCRYPTION_KEY", "hunter2 is no key")
        .with("DATABASE_URL", "postgres://user:hunter2@db.example/x?sslpassword=hunter2")
        .with("ROLECALL_ISSUER", "https://id.example");
    let shown = program.run(&["config"]).await.assert(0);
    assert!(!shown.stdout.contains("hunter2") && !shown.stderr.contains("hunter2"), "{shown:?}");
    for line in ["database_url = postgres://db.example/x", "admin_password = (redacted)", "listen = 127.0.0.1:0"] {
        assert!(shown.stdout.lines().any(|shown| shown == line), "{line} is not in {}", shown.stdout);
    }
    assert!(!directory.path().join("rolecall-data").exists(), "looking changes nothing");
}

#[tokio::test]
async fn a_bad_rule_for_gateways_is_named_by_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::unconfigured(directory.path()).with("ROLECALL_FORWARD_AUTH_RULES", "gateway.rules");
    program.run(&[]).await.assert_refused(&["ROLECALL_FORWARD_AUTH_RULES: gateway.rules: No such file"]);
    fs::write(directory.path().join("gateway.rules"), "GET /articles articles:read\nget / signed-in\n").unwrap();
    for arguments in [&[][..], &["config"]] {
        let refused =
            program.run(arguments).await.assert_refused(&["ROLECALL_FORWARD_AUTH_RULES: gateway.rules, line 2: get:"]);
        assert_eq!(refused.stdout, "");
    }
    assert!(!directory.path().join("rolecall-data").exists(), "nothing is made before all settings are right");
    fs::write(directory.path().join("gateway.rules"), "GET /articles articles:read\n").unwrap();
    let shown = program.run(&["config"]).await.assert(0).stdout;
    assert!(shown.lines().any(|line| line == "forward_auth_rules = gateway.rules"), "{shown}");
}

//! HTTPS.

use std::{fs, path::Path};

use super::Program;
use crate::support::{Client, Database};

/// Writes a certificate for 127.0.0.1 and its key; the certificate in PEM.
fn write_certificate(directory: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.pem()
}

fn with_tls(program: &Program) -> Program {
    program.clone().with("ROLECALL_TLS_CERT", "cert.pem").with("ROLECALL_TLS_KEY", "key.pem")
}

#[tokio::test]
async fn with_a_certificate_it_serves_https_and_says_to_stay_there() {
    let database = Database::create().await;
    let root = reqwest::Certificate::from_pem(write_certificate(database.directory()).as_bytes()).unwrap();
    let running = with_tls(&Program::on(&database)).start().await;
    assert!(running.url.starts_with("https://127.0.0.1:"), "{}", running.url);
    let trusting = reqwest::Client::builder().tls_certs_only([root]).build().unwrap();
    let client = Client::new(&trusting, &running.url, None);
    for (path, status) in [("/healthz", 200), ("/v1/me", 401), ("/docs", 200)] {
        let answer = client.get(path).await.assert(status);
        assert!(answer.header("strict-transport-security").contains("max-age=31536000"), "{path}");
    }
    let plain = running.url.replace("https://", "http://");
    assert!(reqwest::get(format!("{plain}/healthz")).await.is_err(), "plain HTTP is not answered");
    running.stop().await.assert(0);
}

#[tokio::test]
async fn a_certificate_or_key_that_can_not_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let program = with_tls(&Program::unconfigured(directory.path()));
    program.run(&[]).await.assert_refused(&["cert.pem"]);
    write_certificate(directory.path());
    fs::remove_file(directory.path().join("key.pem")).unwrap();
    program.run(&[]).await.assert_refused(&["key.pem"]);
    for broken in ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        fs::write(directory.path().join("key.pem"), broken).unwrap();
        program.run(&[]).await.assert_refused(&["key.pem"]);
    }
    write_certificate(directory.path());
    for broken in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        fs::write(directory.path().join("cert.pem"), broken).unwrap();
        program.run(&[]).await.assert_refused(&["cert.pem"]);
    }
    assert!(!directory.path().join("rolecall-data").exists(), "nothing is made before it can serve");
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    write_certificate(directory.path());
    let key = fs::read(directory.path().join("key.pem")).unwrap();
    write_certificate(directory.path());
    fs::write(directory.path().join("key.pem"), key).unwrap();
    with_tls(&Program::unconfigured(directory.path())).run(&[]).await.assert_refused(&[".pem"]);
}

#[tokio::test]
async fn one_without_the_other_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    write_certificate(directory.path());
    let program = with_tls(&Program::unconfigured(directory.path()));
    for missing in ["ROLECALL_TLS_CERT", "ROLECALL_TLS_KEY"] {
        program.clone().without(missing).run(&[]).await.assert_refused(&[missing]);
    }
}
